"""CloudFormation for the embedded AWS: small, ours, and never silent about what it does not honour."""

from __future__ import annotations

from pipeline.cloudformation.changes import StackPlan
from pipeline.emulator.cloudformation.deployer import Deployer
from pipeline.emulator.cloudformation.rollback import StackDeletion
from pipeline.emulator.cloudformation.stack_update import StackResult

__all__ = ["Deployer", "StackDeletion", "StackPlan", "StackResult"]
