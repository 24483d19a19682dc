"""A dataset's definition: proposed from a dropped sample, edited, checked, tried, and saved as the checkout's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipeline.console.console import PageRequest
from pipeline.console.drafts import MOST_STEPS
from pipeline.console.pages import ActionResult, Document, action, link, page
from pipeline.core.checkout import checkout
from pipeline.core.errors import BadInput, Misconfigured, Refused, WrongUsage
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.files import path_of
from pipeline.operate.arguments import dataset_name
from pipeline.operate.definition_drafts import Draft, begin, digest, from_sample, judge, save

LONGEST = 200_000
"""Characters of a definition."""


def build(request: PageRequest) -> Document:
    """The draft of `dataset`, or its definition as it is, judged; what was tried of it last."""
    name = dataset_name(request.query.get("dataset", ""))
    root = _root(request)
    kept = request.console.drafts.of(name)
    draft = kept or begin(request.lake, root, name)
    tried = request.console.drafts.trial(name)
    return {
        "title": f"Definition of {name}",
        "dataset": str(name),
        "path": path_of(name).as_posix(),
        "has_checkout": root is not None,
        "is_draft": kept is not None,
        "is_registered": request.lake.registry.get(name) is not None,
        "draft": asdict(draft) if draft else None,
        "seen": digest(draft.text) if draft else None,
        "judgement": judge(request.lake, root, name, draft.text).to_json() if draft else None,
        "trial": {
            "of_this": draft is not None and tried.text == draft.text,
            "steps": tried.steps[-MOST_STEPS:],
            "failed": tried.failed,
            "report": tried.report.to_json() if tried.report else None,
        }
        if tried
        else None,
        "busy": "trial" if tried and not tried.ended else None,
    }


def _root(request: PageRequest) -> Path | None:
    """The checkout, of an embedded lake; of one on AWS none: there a definition comes by a pull request."""
    if not request.connected.is_embedded:
        return None
    try:
        return checkout()
    except Misconfigured:
        return None


def _name(fields: Mapping[str, str]) -> DatasetName:
    return dataset_name(fields.get("dataset", ""))


def _page(name: DatasetName) -> str:
    return link("/definition", dataset=str(name))


def _kept(request: PageRequest, fields: Mapping[str, str]) -> tuple[DatasetName, Draft]:
    """The draft with the text of the form, kept whatever becomes of it."""
    name, text = _name(fields), fields.get("text", "").replace("\r\n", "\n")
    if len(text) > LONGEST:
        raise BadInput(f"a definition has at most {LONGEST:,} characters")
    before = request.console.drafts.of(name) or begin(request.lake, _root(request), name)
    if before and fields.get("seen", digest(before.text)) != digest(before.text) and before.text != text:
        raise Refused(
            f"the draft of {name} was changed in another window", hint="Go back: your text is there. Copy it first."
        )
    draft = replace(before, text=text) if before else Draft(text, None, "nothing")
    request.console.drafts.keep(name, draft)
    return name, draft


def propose(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Begin a draft from the newest sample; one that is there is not replaced."""
    name = _name(fields)
    if request.console.drafts.of(name):
        raise Refused(f"a draft of {name} is being written", hint="Discard it first.")
    request.console.drafts.keep(name, from_sample(request.lake, _root(request), name))
    return ActionResult(_page(name), "Proposed: read it, and what is unsure of it.")


def check(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Keep the text; the page says what is wrong with it."""
    name, _ = _kept(request, fields)
    return ActionResult(_page(name), "")


def start_trial(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Try the text on the dataset's last raw objects; nothing of it is published."""
    name, draft = _kept(request, fields)
    judged = judge(request.lake, _root(request), name, draft.text)
    if judged.dataset is None:
        return ActionResult(_page(name), "It is not tried while something is wrong with it.", good=False)
    try:
        request.console.drafts.start(request.lake, judged.dataset, draft.text)
    except (Refused, WrongUsage) as error:
        return ActionResult(_page(name), f"{error.message}. {error.hint or ''}".strip(), good=False)
    return ActionResult(_page(name), "")


def save_draft(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Make the text the checkout's file, if nothing is wrong with it and nobody changed the file meanwhile."""
    name, draft = _kept(request, fields)
    root = _root(request)
    if root is None:
        raise Refused("a lake on AWS has no checkout here", hint="Copy the text into a pull request.")
    if judge(request.lake, root, name, draft.text).dataset is None:
        return ActionResult(_page(name), "It is not saved while something is wrong with it.", good=False)
    try:
        path = save(root, name, draft)
    except Refused as error:
        return ActionResult(_page(name), f"{error.message}. {error.hint or ''}".strip(), good=False)
    request.console.drafts.discard(name)
    return ActionResult(_page(name), f"Saved as {path.as_posix()}. `sluice datasets apply {name}` applies it.")


def discard(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Forget the draft; the file stays as it is."""
    name = _name(fields)
    was = request.console.drafts.discard(name)
    return ActionResult(_page(name), "The draft is discarded." if was else "There was no draft.", good=was)


ROUTES: list[Any] = [
    action("/definition/propose", propose, changes=False),
    action("/definition/check", check, changes=False),
    action("/definition/try", start_trial),
    action("/definition/save", save_draft),
    action("/definition/discard", discard, changes=False),
    *page("/definition", "definition.html", build, live=True),
]
