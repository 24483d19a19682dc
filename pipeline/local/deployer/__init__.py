"""CloudFormation for the embedded AWS: small, ours, and never silent about what it does not honour."""

from __future__ import annotations

from pipeline.local.deployer.deployer import Deployer, StackResult

__all__ = ["Deployer", "StackResult"]
