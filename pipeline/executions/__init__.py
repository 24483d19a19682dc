"""Executions of state machines: start them once, and know how they ended."""

from pipeline.executions.executions import Execution, Executions

__all__ = ["Execution", "Executions"]
