"""Drafts of datasets' definitions: where their text comes from, what is wrong with it, what applying it would change,
and the file of the checkout that it becomes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.clients import client
from pipeline.core.definitions.problems import BadDefinitions, Problem
from pipeline.core.errors import Refused
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import Dataset, DatasetName
from pipeline.lake.datasets.compatibility import Breach, breaches, refusals
from pipeline.lake.datasets.files import parse, path_of, read_content
from pipeline.lake.services import Lake
from pipeline.operate.objects import listed
from pipeline.operate.ruleset_findings import ruleset_findings

LARGEST_SAMPLE = 64 * 1024 * 1024
"""Bytes of a raw object that a definition is proposed from here: it is read whole."""
_LOOKED = 100
_UNFINISHED = ".draft-"
"""Begins the name of a file that is written and is not the definition yet."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A definition's text that is being written. `base` is the digest of the file that it began from, None if there is
    none; `origin` says in words where it came from, and `doubts` what was unsure of a proposal."""

    text: str
    base: str | None
    origin: str
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is wrong with a text, or what applying it would do. `dataset` is None where something is wrong; `remarks`
    refuse nothing."""

    dataset: Dataset | None
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Problem, ...] = ()
    is_new: bool = False
    changes: tuple[str, ...] = ()
    breaking: tuple[Breach, ...] = ()
    refused: tuple[Breach, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As pages and programs get it."""
        return {
            "good": self.dataset is not None and not self.refused,
            "problems": [each.to_json() for each in self.problems],
            "remarks": [each.to_json() for each in self.remarks],
            "new": self.is_new,
            "changes": list(self.changes),
            "breaking": [each.to_json() for each in self.breaking],
            "refused": [each.to_json() for each in self.refused],
        }


def begin(lake: Lake, root: Path | None, name: DatasetName) -> Draft | None:
    """A draft of a dataset as it is now: the checkout's file, else what is registered; None if there is neither.

    `Refused` for a file that cannot be read, or is no UTF-8: what a draft cannot hold would be lost when it is saved.
    """
    file = root / path_of(name) if root else None
    if file is not None and file.is_file():
        try:
            content = file.read_bytes()
            text = content.decode()
        except OSError as error:
            raise Refused(f"{path_of(name).as_posix()} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise Refused(
                f"{path_of(name).as_posix()} is no UTF-8, from byte {error.start} on", hint="Save it as UTF-8 first."
            ) from None
        return Draft(text, _digest(content), f"the checkout's {path_of(name).as_posix()}")
    registration = lake.registry.get(name)
    if registration is None:
        return None
    return Draft(_text_of(registration.dataset), None, "what is registered, without the comments of its file")


def from_sample(lake: Lake, root: Path | None, name: DatasetName) -> Draft:
    """A proposal from the newest raw object that waits for the dataset, or is of it.

    `Refused` if there is none, or it is larger than `LARGEST_SAMPLE`; errors as of `sluice datasets init`.
    """
    from pipeline.lake.proposals.proposal import propose

    row = next(
        (
            row
            for status in (Status.UNROUTED, None)
            for row in listed(lake, name, status, _LOOKED)[0]
            if not row.control and not row.object.is_part and row.status not in (Status.DELETE_MARKER, Status.GONE)
        ),
        None,
    )
    if row is None:
        raise Refused(f"nothing was dropped to {name} yet", hint="Drop a sample there first.")
    if (row.size or 0) > LARGEST_SAMPLE:
        raise Refused(
            f"{row.object.uri} has {row.size:,} bytes, and a sample at most {LARGEST_SAMPLE:,}",
            hint=f"`sluice datasets init FILE --to {name}` reads larger ones.",
        )
    with tempfile.TemporaryDirectory(prefix="sample-") as folder:
        sample = Path(folder, Path(row.object.key).name)
        client("s3").download_file(
            row.object.bucket, row.object.key, str(sample), ExtraArgs={"VersionId": row.object.version_id}
        )
        proposal = propose(sample, name)
    file = root / path_of(name) if root else None
    base = _digest_of(file)
    unsure = (*proposal.doubts, *(f"{each.name}: {each.doubt}" for each in proposal.columns if each.doubt))
    return Draft(proposal.text, base, f"a proposal from {row.object.uri}", (*unsure, *proposal.bad))


def judge(lake: Lake, root: Path | None, name: DatasetName, text: str) -> Judgement:
    """What is wrong with a definition's text and its rules of quality, each with its line, or what it would change of
    the registered one."""
    path = path_of(name)
    try:
        content = text.encode()
        definition = read_content(content, root / path, root) if root else parse(content, path.as_posix())
        if definition.dataset.name != name:
            raise BadDefinitions(
                [definition.problem(("team",), f"it defines {definition.dataset.name}, and not {name}")]
            )
    except BadDefinitions as bad:
        return Judgement(None, bad.problems)
    found = sorted(ruleset_findings(definition))
    remarks = tuple(problem for problem, severity in found if severity != "error")
    if errors := tuple(problem for problem, severity in found if severity == "error"):
        return Judgement(None, errors, remarks)
    after, registration = definition.dataset, lake.registry.get(name)
    if registration is None:
        return Judgement(after, remarks=remarks, is_new=True)
    before = registration.dataset
    return Judgement(
        after,
        remarks=remarks,
        changes=tuple(_changes(_flat(before), _flat(after))),
        breaking=tuple(breaches(before, after)),
        refused=tuple(refusals(before, after)),
    )


def save(root: Path, name: DatasetName, draft: Draft) -> Path:
    """Make a draft the file of the checkout; its path, from `root`. A link stays, and what it leads to is written.

    `Refused` if the file is another than the draft began from: nothing that somebody wrote is lost. Also if it lies
    outside the checkout, or cannot be written.
    """
    path = path_of(name)
    try:
        _save(_within(root, path), path, draft)
    except OSError as error:
        raise Refused(
            f"{path.as_posix()} cannot be written: {error.strerror or error}",
            hint="The draft is kept: save it again once that is mended.",
        ) from None
    return path


def _within(root: Path, path: Path) -> Path:
    """The file that is meant by a path of the checkout, after all links; `Refused` if that is outside."""
    try:
        file = (root / path).resolve()
    except RuntimeError:
        raise Refused(f"{path.as_posix()} is a link that leads to itself", hint="Mend the link.") from None
    if not file.is_relative_to(root.resolve()):
        raise Refused(
            f"{path.as_posix()} leads out of the checkout, to {file}", hint="Edit it where it is, or mend the link."
        )
    return file


def _save(file: Path, path: Path, draft: Draft) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(file.parent):
        _refuse_another(path, _digest_of(file), draft.base)
        # Who ended while it saved left its file: nobody else is in this folder now.
        for left in file.parent.glob(f"{_UNFINISHED}*"):
            left.unlink()
        content, base = draft.text.encode(), draft.base
        _write(file, content, lambda: _refuse_another(path, _digest_of(file), base), is_new=base is None)


def _write(file: Path, content: bytes, check: Callable[[], None], *, is_new: bool) -> None:
    """Write a file whole or not at all, with the rights of the one that it replaces; those of a new one are as the
    umask says. An editor knows nothing of the lock: `check` is called at the last moment, and a file that `is_new`
    replaces none."""
    unfinished = file.parent / f"{_UNFINISHED}{secrets.token_hex(8)}"
    with unfinished.open("xb") as written:
        try:
            # Before there is anything to read in it. One that is gone by now is told by `check`.
            with contextlib.suppress(FileNotFoundError):
                like = os.fstat(written.fileno()) if is_new else file.stat()
                os.fchmod(written.fileno(), stat.S_IMODE(like.st_mode))
            written.write(content)
            written.flush()
            check()
            if is_new:
                with contextlib.suppress(FileExistsError):
                    os.link(written.name, file)
                    return
                check()
            os.replace(written.name, file)
        finally:
            Path(written.name).unlink(missing_ok=True)


def _refuse_another(path: Path, there: str | None, base: str | None) -> None:
    """`Refused` unless the file is the one that the draft began from, by their digests."""
    if there != base:
        what = "is gone" if there is None else "was changed" if base else "was written"
        raise Refused(
            f"{path.as_posix()} {what} since this draft was begun", hint="Discard the draft, or merge by hand."
        )


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Nobody else saves a draft in the folder meanwhile, in this process or another."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def digest(text: str) -> str:
    """Tells one text from another."""
    return _digest(text.encode())


def _digest_of(file: Path | None) -> str | None:
    """That of a file; None if there is none."""
    return _digest(file.read_bytes()) if file is not None and file.is_file() else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class _Lines(yaml.SafeDumper):
    """Writes text of several lines as lines, as people do."""


def _as_lines(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Lines.add_representer(str, _as_lines)


def _text_of(dataset: Dataset) -> str:
    return yaml.dump(_document(dataset), Dumper=_Lines, sort_keys=False, allow_unicode=True, width=110)


def _document(dataset: Dataset) -> dict[str, Any]:
    """As people write it: without defaults, without the text of other files, a column that is only a type as that."""
    document: dict[str, Any] = dataset.model_dump(mode="json", exclude_defaults=True)
    for field in ("text", "wheels"):
        document.get("transform", {}).pop(field, None)
    columns = document.get("stage_a", {}).get("columns", {})
    columns |= {name: column["type"] for name, column in columns.items() if column.keys() == {"type"}}
    return document


def _flat(dataset: Dataset) -> dict[str, str]:
    """The fields that are not at their defaults, by their paths; a column is one field."""
    return dict(_leaves(_document(dataset)))


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, each in value.items():
        if isinstance(each, Mapping) and each and not path.endswith(".columns"):
            yield from _leaves(each, f"{path}.{name}")
        else:
            yield f"{path}.{name}"[1:], each if isinstance(each, str) else json.dumps(each, ensure_ascii=False)


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield f"{name}: {old if old is not None else 'unsaid'} → {new if new is not None else 'unsaid'}"
