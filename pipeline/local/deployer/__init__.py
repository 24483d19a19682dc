"""CloudFormation for the embedded AWS: small, ours, and never silent about what it does not honour."""

from __future__ import annotations

from pipeline.local.deployer.deployer import Deployer
from pipeline.local.deployer.making import StackResult
from pipeline.local.deployer.planning import StackPlan
from pipeline.local.deployer.removing import StackDeletion

__all__ = ["Deployer", "StackDeletion", "StackPlan", "StackResult"]
