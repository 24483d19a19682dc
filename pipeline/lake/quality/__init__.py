"""Rulesets in DQDL: their syntax (`dqdl`) and which of their forms are evaluated as documented (`lint`). Pure."""
