"""Where AWS's SDK finds the models of services."""

from __future__ import annotations

import os
from functools import cache

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


@cache
def models(paths: str) -> Models:
    """The models of this process, each read once; `paths` are folders of more, as AWS_DATA_PATH names them.

    A session of botocore's own reads those that it needs again: most of the quarter second that its first client takes.
    """
    return Models([os.path.expanduser(os.path.expandvars(path)) for path in paths.split(os.pathsep) if path])


def session() -> Session:
    """A session of botocore's own making, with these models."""
    made = get_session()
    made.register_component("data_loader", models(made.get_config_variable("data_path") or ""))
    return made
