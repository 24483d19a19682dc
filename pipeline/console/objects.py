"""An object's page: its history, what to do about it, and a preview."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pipeline.console import lineage, lineage_pictures, reasons
from pipeline.console.console import PageRequest
from pipeline.console.pages import ActionResult, Document, action, link, page
from pipeline.console.previews import preview
from pipeline.console.stored import Head, head
from pipeline.core.clock import iso, parse_iso
from pipeline.core.errors import BadInput, NotThere, Refused
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.redrive import REDRIVABLE
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.catalog.rows import IN_FLIGHT
from pipeline.lake.datasets.model import Table
from pipeline.lake.routing import is_folder
from pipeline.operate.deliveries import in_words
from pipeline.operate.files import data_files, look_up
from pipeline.operate.missing_objects import diagnose
from pipeline.operate.missing_rows import needs_attention
from pipeline.operate.objects import account, bad_rows_from, batch_of, rows_of, table_of, waits_for
from pipeline.operate.open_issues import is_missing
from pipeline.operate.redrive import dismiss_objects, redrive_version, row_of
from pipeline.operate.set_aside import folder_of, set_aside
from pipeline.operate.zones import located

VERSIONS = 10
BAD_ROWS = 25
PATIENCE = timedelta(minutes=1)
"""How long a page expects the effect of a button."""


def build(request: PageRequest) -> Document:
    """The page of the object `uri`, of the version `version` or the newest.

    `after` is the time of an action whose effect the page waits for.
    """
    zone, obj = located(request.lake, request.query.get("uri", ""))
    version = request.query.get("version", "")
    folder = obj.key.rpartition("/")[0]
    document = {
        "title": obj.file_name or obj.key,
        "uri": obj.uri,
        "zone": zone.name,
        "purpose": zone.purpose,
        "folder": f"s3://{obj.bucket}/{folder}/" if folder else f"s3://{obj.bucket}/",
    }
    obj = ObjectVersion(obj.bucket, obj.key, version)
    return document | (_raw(request, obj) if zone.name == "raw" else _other(request, obj))


def _raw(request: PageRequest, obj: ObjectVersion) -> Document:
    rows = sorted(request.lake.catalog.history(obj.path), key=lambda row: row.order, reverse=True)
    row = _chosen(rows, obj.version_id)
    stored = head(obj if row is None else row.object) if row is None or row.status is not Status.DELETE_MARKER else None
    if row is None and rows and stored is None:
        raise NotThere(f"{obj.uri} has no version {obj.version_id}", hint="The object's page lists its versions.")
    unknown = diagnose(request.lake, obj) if row is None else None
    moving = row is None and stored is not None and not is_folder(obj.key)
    moving = moving or any(each.status in IN_FLIGHT for each in (row, *rows[:1]) if each)
    goes_on = moving or (row is not None and _is_awaited(request, row))
    batch = batch_of(request.lake, row) if row else None
    table = table_of(request.lake, row) if row else Table()
    steps = lineage.steps(request.lake, row, batch) if row else []
    files = _data_files(request, row)
    return {
        **_versions(request, rows, row),
        **_stored(row.object if row else obj, stored),
        "known": bool(rows),
        "shown": account(row, table, batch) if row else None,
        "waits_for": waits_for(request.lake, row) if row else None,
        "twice": in_words(row, rows, table) if row else None,
        "unknown": {"reason": unknown.reason, "todo": unknown.todo, "similar": unknown.similar} if unknown else None,
        "needs_attention": row is not None and is_missing(request.lake, row, rows, table),
        "redrivable": row is not None and row.status in REDRIVABLE,
        "ways": _ways(row) if row else [],
        "lineage": steps,
        "picture": lineage_pictures.of_steps(steps, files["data_files"]),
        "source": None,
        "file": None,
        **files,
        "bad_rows": _bad_rows(request, row, folder_of(request.lake, row, batch)) if row and row.bad else None,
        "missing": row is None and stored is None,
        "busy": obj.uri if goes_on else None,
        "ended": not goes_on,
    }


def _data_files(request: PageRequest, row: ObjectRow | None) -> Document:
    """The table's files that the object's rows are in, if the page is asked for them: it takes the table's metadata."""
    if row is None or row.status is not Status.COMMITTED:
        return {"data_files": None, "find_files": None}
    to = link("/object", uri=row.object.uri, version=row.object.version_id, files="yes")
    if request.query.get("files") != "yes":
        return {"data_files": None, "find_files": f"{to}#files"}
    found = [{**each.to_json(), "to": link("/object", uri=each.uri)} for each in data_files(request.lake, row)]
    return {"data_files": found, "find_files": None}


def _chosen(rows: list[ObjectRow], version: str) -> ObjectRow | None:
    if not version:
        return rows[0] if rows else None
    return next((row for row in rows if row.object.version_id == version), None)


def _is_awaited(request: PageRequest, row: ObjectRow) -> bool:
    """Whether the action at the time `after` has not changed the version yet, and still may."""
    try:
        after = parse_iso(request.query.get("after", ""))
    except ValueError:
        return False
    return parse_iso(row.since) <= after and timedelta(0) <= request.now - after < PATIENCE


def _versions(request: PageRequest, rows: list[ObjectRow], shown: ObjectRow | None) -> Document:
    number = request.number("page", 1, most=10_000)
    names = ("since", "size", "generation")
    return {
        "versions": [
            {
                "version_id": row.object.version_id,
                "status": row.status.value,
                "to": link("/object", uri=row.object.uri, version=row.object.version_id),
                "is_shown": row is shown,
                **{name: getattr(row, name) for name in names},
                **rows_of(row),
            }
            for row in rows[(number - 1) * VERSIONS : number * VERSIONS]
        ],
        "versions_total": len(rows),
        "page": number,
        "pages": max(-(-len(rows) // VERSIONS), 1),
    }


def _stored(obj: ObjectVersion, stored: Head | None) -> Document:
    if stored is None:
        return {"stored": None, "download": None, "preview": None}
    facts = {"version": stored.version, "size": stored.size, "modified": iso(stored.modified), "etag": stored.etag}
    begins = preview(obj, stored.size)
    download = link("/download", uri=obj.uri, version=obj.version_id)
    return {"stored": facts, "download": download, "preview": begins.to_json()}


def _bad_rows(request: PageRequest, row: ObjectRow, folder: str | None) -> dict[str, Any]:
    """Some bad rows: on the first page those that its batch wrote to `folder`, then those of Stage A."""
    start = request.number("bad", 0, least=0, most=999_999_999)
    page = bad_rows_from(row, start, BAD_ROWS)
    return {
        "total": row.bad,
        "reasons": reasons.of_object(request.lake, row),
        "rows": [*([] if start else set_aside(folder, row, BAD_ROWS)), *page.rows],
        "start": start,
        "next": page.next,
        "uri": row.bad_rows_uri,
        "download": link("/download", uri=row.bad_rows_uri) if row.bad_rows_uri else None,
        "of_batch": link("/browse", at=f"{folder}/") if folder else None,
    }


def _ways(row: ObjectRow) -> list[dict[str, str]]:
    """Links to the pages where the advice can be followed."""
    batch, dataset = link(f"/batches/{row.batch}"), link(f"/datasets/{row.dataset}")
    table = (row.dataset or "").replace("/", ".")
    team_dataset = "/".join(row.object.key.split("/")[:2])
    ways: dict[Status, tuple[str, str]] = {
        Status.UNROUTED: ("Define its dataset", link("/definition", dataset=team_dataset)),
        Status.REGISTERED: ("See what runs", link("/executions", status="RUNNING")),
        Status.STAGED: ("See its dataset", dataset),
        Status.CLAIMED: ("Follow its batch", batch),
        Status.COMMITTED: ("Query the table", link("/query", sql=f"select * from {table} limit 10")),
        Status.DUPLICATE: (
            "See the version that has its content",
            link("/object", uri=row.object.uri, version=row.duplicate_of),
        ),
    }
    links = [ways[row.status]] if row.status in ways else []
    if row.status in REDRIVABLE and row.batch:
        links.append(("See its batch, to release it", batch))
    if row.status in (*REDRIVABLE, Status.GONE):
        links.append(("Drop it again in its folder", link("/browse", at=f"{row.object.uri.rpartition('/')[0]}/")))
    return [{"label": label, "to": to} for label, to in links]


def _other(request: PageRequest, obj: ObjectVersion) -> Document:
    stored = head(obj)
    if stored is None:
        expired = "Files in the staging and quarantine buckets expire, and a table deletes files that it needs no more."
        raise NotThere(f"{obj.uri} is not there", hint=f"{expired} Keys are case-sensitive.")
    facts = look_up(request.lake, obj.uri)
    row = lineage.came_from(request.lake, facts)
    steps = _steps(request, row) if row else []
    return {
        **_versions(request, [], None),
        **_stored(obj, stored),
        "known": False,
        "shown": None,
        "twice": None,
        "unknown": None,
        "needs_attention": False,
        "redrivable": False,
        "ways": [],
        "lineage": steps or lineage.of_file(facts, obj),
        "picture": lineage_pictures.of_steps(steps) if steps else lineage_pictures.of_file(facts),
        "file": facts.to_json() if facts else None,
        "data_files": None,
        "find_files": None,
        "source": _source(row, obj.uri) if row else None,
        "bad_rows": None,
        "ended": True,
    }


def _steps(request: PageRequest, row: ObjectRow) -> list[lineage.LineageStep]:
    return lineage.steps(request.lake, row, batch_of(request.lake, row))


def _source(row: ObjectRow, uri: str) -> dict[str, Any]:
    """The raw version that the object `uri` was made from; `is_current` if no newer one has been made of it since."""
    return {
        "uri": row.object.uri,
        "version_id": row.object.version_id,
        "to": link("/object", uri=row.object.uri, version=row.object.version_id),
        "status": row.status.value,
        "is_current": uri in (row.staged, row.bad_rows_uri, row.left_uri),
    }


def redrive(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Redrive a quarantined or failed version: send it through Stage A again."""
    zone, obj = located(request.lake, fields.get("uri", ""))
    if zone.name != "raw":
        raise BadInput(f"{obj.uri} is not in the raw bucket", hint="Send the object back as it was dropped.")
    now, version = request.now, fields.get("version", "")
    redrive_version(request.lake, ObjectVersion(obj.bucket, obj.key, version))
    to = link("/object", uri=obj.uri, version=version, after=iso(now))
    return ActionResult(to, "It is sent through Stage A again.", during=obj.uri)


def dismiss(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Dismiss a version: it needs no more attention. The user's name and the reason are stored."""
    zone, obj = located(request.lake, fields.get("uri", ""))
    if zone.name != "raw":
        raise BadInput(f"{obj.uri} is not in the raw bucket", hint="Dismiss the object as it was dropped.")
    row = row_of(request.lake, ObjectVersion(obj.bucket, obj.key, fields.get("version", "")))
    if not needs_attention(row):
        raise Refused(f"nothing of {obj.uri} version {row.object.version_id} needs attention")
    done = dismiss_objects(request.lake, [row], getpass.getuser(), fields.get("reason", ""))
    message = "It is dismissed, and needs no more attention." if done else "It has changed meanwhile: look again."
    return ActionResult(link("/object", uri=obj.uri, version=row.object.version_id), message, good=bool(done))


ROUTES = [
    *page("/object", "object.html", build, live=True),
    action("/object/redrive", redrive),
    action("/object/dismiss", dismiss),
]
