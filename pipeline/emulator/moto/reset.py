"""Forget all of moto's state."""

from __future__ import annotations


def reset_state() -> None:
    """Empty every service, as moto's own reset does; state lives in module globals and outlives a server."""
    from moto.core.base_backend import BackendDict
    from moto.core.model_instances import reset_model_data

    BackendDict.reset()
    reset_model_data()
