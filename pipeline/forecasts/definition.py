"""The definition of a source of forecasts: who announces its files, in which form, and which of them are wanted."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from pipeline.core.definitions.strict_model import StrictModel

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,19}$"
"""As long as leaves room for it in the name of a bucket."""
TOPIC_PATTERN = r"^arn:aws(-[a-z]+)*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"
BUCKET_PATTERN = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"

Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class Wanted(StrictModel):
    """Which of the announced files are fetched; all of them where nothing is said.

    Patterns are those of a shell (`*`, `?`, `[ab]`). `variables` and `models` are said by announcements of the form
    `met-office-json` alone.
    """

    keys: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    variables: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    models: Annotated[tuple[Text, ...], Field(max_length=100)] = ()

    def takes(self, key: str, variable: str | None, model: str | None) -> bool:
        """Whether a file is wanted; what its announcement does not say is no reason to leave it."""
        asked = ((self.keys, key), (self.variables, variable), (self.models, model))
        return all(not patterns or said is None or _matches(patterns, said) for patterns, said in asked)


def _matches(patterns: tuple[str, ...], text: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


class ForecastSource(StrictModel):
    """A whole definition.

    Without `topic` and `bucket` the source's stack makes both: whoever puts a file into that bucket announces it. An
    embedded lake always has such, as it reaches no other account's.
    """

    source: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    form: Literal["met-office-json", "s3-event"]
    """What an announcement is: the Met Office's JSON of 2020, or S3's own event."""
    topic: Annotated[str, StringConstraints(pattern=TOPIC_PATTERN)] | None = None
    bucket: Annotated[str, StringConstraints(pattern=BUCKET_PATTERN)] | None = None
    wanted: Wanted = Wanted()
    licence: Annotated[str, StringConstraints(min_length=3, max_length=1000)]
    """The attribution that every answer carries."""
    model_attribute: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "mosg__model_configuration"
    """The file's attribute that names its model, where the announcement does not; without either it is the source."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if (self.topic is None) != (self.bucket is None):
            raise ValueError("topic and bucket are the provider's: say both, or neither to have them made")
        if self.form == "s3-event" and (self.wanted.variables or self.wanted.models):
            raise ValueError("wanted: an S3 event says neither variable nor model; filter by `keys`")
        return self

    def to_json(self) -> str:
        """As its function gets it."""
        return json.dumps(self.model_dump(mode="json", exclude_defaults=True), separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ForecastSource:
        """The inverse of `to_json`."""
        return cls.model_validate_json(text)
