"""How what is registered differs from the files. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pipeline.core.definitions.files import Found
from pipeline.lake.datasets.files import Definition, path_of
from pipeline.lake.datasets.model import Dataset
from pipeline.lake.datasets.registry import Registration


class Drift(StrEnum):
    """What the files say of a dataset. Applying makes all but the wrong and the unknown SAME, or RETIRED in the end."""

    SAME = "applied"
    DIFFERS = "differs: apply it"
    NOT_APPLIED = "not applied yet"
    NO_FILE = "registered without a file: applying retires it"
    BRINGS_BACK = "retired: applying brings it back"
    RETIRING = "retired, still loads"
    RETIRED = "retired"
    FILE_IS_WRONG = "the file is wrong"
    UNKNOWN = "not in a checkout"


def compare(
    registrations: Iterable[Registration], found: Found[Definition] | None
) -> list[tuple[Dataset, Registration | None, Drift]]:
    """Every dataset that is registered or defined, by name. `found` is None where there are no files."""
    registered = {registration.name: registration for registration in registrations}
    defined = {definition.dataset.name: definition.dataset for definition in (found.definitions if found else ())}
    wrong = {problem.path for problem in (found.problems if found else ())}
    compared: list[tuple[Dataset, Registration | None, Drift]] = []
    for name in sorted(registered.keys() | defined.keys()):
        registration, dataset = registered.get(name), defined.get(name)
        if registration is None:
            compared.append((defined[name], None, Drift.NOT_APPLIED))
        elif dataset is not None and registration.retired:
            compared.append((registration.dataset, registration, Drift.BRINGS_BACK))
        elif dataset is not None:
            same = dataset.fingerprint == registration.dataset.fingerprint
            compared.append((registration.dataset, registration, Drift.SAME if same else Drift.DIFFERS))
        elif found is None:
            compared.append((registration.dataset, registration, Drift.UNKNOWN))
        else:
            is_wrong = path_of(name).as_posix() in wrong
            drift = Drift.FILE_IS_WRONG if is_wrong else _without_file(registration)
            compared.append((registration.dataset, registration, drift))
    return compared


def _without_file(registration: Registration) -> Drift:
    if registration.retired is None:
        return Drift.NO_FILE
    return Drift.RETIRED if registration.is_closed else Drift.RETIRING
