"""Where AWS's SDK finds the models of services."""

from __future__ import annotations

import os

from botocore.loaders import Loader
from botocore.session import Session, get_session


class Models(Loader):  # type: ignore[misc]
    """Looks for one service's model in its own folder.

    botocore goes through the folders of all four hundred for each kind of model, only to name them in the error for a
    service that it does not know: a twentieth of what `sluice status` takes.
    """

    def list_available_services(self, type_name: str) -> list[str]:
        """All services, whether or not they have a model of this kind."""
        return sorted({name for path in self.search_paths if os.path.isdir(path) for name in os.listdir(path)})


def session() -> Session:
    """A session of botocore's own making, with these models."""
    made = get_session()
    more = made.get_config_variable("data_path")
    paths = [os.path.expanduser(os.path.expandvars(path)) for path in more.split(os.pathsep)] if more else None
    made.register_component("data_loader", Models(paths))
    return made
