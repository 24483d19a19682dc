"""What the moto that is first on the path has at given places: `python -m pipeline.emulator.moto.sources`.

A process imports one moto only, so that another version is asked in a process of its own: places come as a list in
JSON, and what stands there goes out as an object in JSON, with moto's version.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pipeline.emulator.moto.patch import located, source_of


@dataclass(frozen=True, slots=True)
class Sources:
    """By place: the source of what stands there, empty where it is no function; None where nothing is."""

    version: str
    by_place: dict[str, str | None]


def sources(places: Iterable[str]) -> Sources:
    """What moto has at `places`, each `module:Class.name` or `module:name`.

    `ImportError` where a module of moto needs what is not installed.
    """
    import moto

    return Sources(moto.__version__, {place: _source(place) for place in places})


def _source(place: str) -> str | None:
    try:
        owner, name = located(place)
        return source_of(inspect.getattr_static(owner, name))
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "moto":
            raise
        return None
    except AttributeError:
        return None
    except TypeError:
        return ""


if __name__ == "__main__":
    json.dump(asdict(sources(json.load(sys.stdin))), sys.stdout)
