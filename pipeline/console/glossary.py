"""What statuses mean: the one text for titles, for the list at the foot of each page, and for the page of them all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pipeline.console.pages import TEMPLATES, Document, text_page

OBJECTS = {
    "REGISTERED": "Its arrival is in the catalog, and Stage A reads it now.",
    "UNROUTED": "It belongs to no dataset that is registered, or to a retired one. It waits, and goes on by itself "
    "once the dataset is applied.",
    "DELETE_MARKER": "Its key was deleted in the raw bucket. Rows that were loaded stay.",
    "STAGED": "It was read, its rows are typed Parquet, and it waits for a batch.",
    "CLAIMED": "A batch has it, and is loading it.",
    "COMMITTED": "Its rows are in the table, where readers see them.",
    "QUARANTINED": "It is set aside, and nothing of it is in the table: an object that cannot be read as its dataset "
    "says, or a batch that broke a rule that stops. Mend it and redrive it, or release the batch.",
    "FAILED": "It broke off with an error, which its page has. Of an object or a batch nothing is in the table: "
    "redrive it once the cause is mended.",
    "GONE": "It was removed from the raw bucket before it was loaded, so there is nothing to load.",
    "DUPLICATE": "The same key was loaded with the same content already, so that its rows are not loaded twice.",
    "SUPERSEDED": "Newer rows were loaded that take its place, so that it is not needed any more.",
}
BATCHES = {
    "OPENING": "The batch is being put together of what waits.",
    "SEALED": "The batch has its objects, and its execution is about to start.",
    "RUNNING": "It is at work now.",
    "COMMITTING": "The rows passed, and are being published to readers.",
    "CANCELLED": "It was given up before anything of it was published; what it held waits again.",
}
RUNS = {
    "SUCCEEDED": "It ran to its end.",
    "TIMED_OUT": "It took longer than it may, and was ended.",
    "ABORTED": "Somebody, or the lake, stopped it.",
    "PENDING_REDRIVE": "It is about to go on from where it failed.",
    "DONE": "It was done.",
    "OPEN": "It was begun, and is not done yet.",
    "CAUGHT": "It failed, and the machine went on by a catcher.",
    "RETRIED": "It failed at first, and was tried again.",
}
VERDICTS = {
    "PASSED": "All rules hold.",
    "WARNED": "Rules do not hold, and the dataset says that this only warns: the rows are in the table.",
    "RELEASED": "Rules do not hold; somebody released the batch all the same, with a reason.",
    "ERROR": "The rule could not be evaluated.",
}
ATTENTION = {
    "BAD_ROWS": "Rows were set aside, each with its reason; the others of their object were loaded.",
    "REPEATED_ROWS": "The object brought rows that an earlier version of its key had brought; both are in the table.",
    "DEAD_LETTERS": "Messages that could not be processed lie in a dead-letter queue, until somebody sends them again.",
    "BEHIND": "What waits should have been loaded by now: the schedule, or what it starts, stands still.",
    "PAUSED": "Somebody paused it, with a reason. It goes on once it is resumed.",
}
DATASETS = {
    "LATE": "Data waits for longer than the dataset's `freshness` allows.",
    "EMPTY": "Nothing was loaded yet.",
    "OK": "Nothing needs attention, and nothing is late.",
    "RETIRED": "Its file is gone from the definitions: it takes nothing new, and its table stays.",
}
GROUPS = {
    "Objects, and batches too": OBJECTS,
    "Batches": BATCHES,
    "Executions, states and turns of upkeep": RUNS,
    "Rules": VERDICTS,
    "What needs attention": ATTENTION,
    "Datasets": DATASETS,
}
_ALL = {word: meaning for group in GROUPS.values() for word, meaning in group.items()}
_STATUS = re.compile(r'<span class="status s-([a-z_]+)"')


def explained(word: str) -> str | None:
    """What a status means; None for a word that explains itself."""
    return _ALL.get(str(word).upper())


def used(html: str) -> dict[str, str]:
    """The statuses that a page shows, and what they mean, in the order of the glossary."""
    found = set(_STATUS.findall(html))
    return {word: meaning for word, meaning in _ALL.items() if word.lower() in found}


def build(path: Mapping[str, str]) -> Document:
    """All statuses with their meaning."""
    return {"title": "What statuses mean", "groups": GROUPS, "words": _words(GROUPS.values())}


def _words(groups: Iterable[dict[str, str]]) -> int:
    return sum(map(len, groups))


TEMPLATES.globals |= {"explained": explained, "statuses_in": used}

ROUTES = text_page("/glossary", "glossary.html", build)
