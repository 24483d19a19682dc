"""Rulesets in DQDL: their syntax (`dqdl`) and which of their forms are evaluated as documented (`lint`). Pure."""

from pipeline.lake.quality.lint import Problem, check_ruleset

__all__ = ["Problem", "check_ruleset"]
