"""CloudFormation for the embedded AWS: small, ours, and never silent about what it does not honour."""

from __future__ import annotations

from pipeline.local.deployer.deployer import Deployer, stacks_of_lake
from pipeline.local.deployer.making import StackResult
from pipeline.local.deployer.removing import StackDeletion
from pipeline.packaging.changes import StackPlan

__all__ = ["Deployer", "StackDeletion", "StackPlan", "StackResult", "stacks_of_lake"]
