"""A team's own code between the staged rows and the table: the part `transform` of a definition."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from pipeline.core.definitions.strict_model import StrictModel
from pipeline.lake.datasets.dataset_names import NAME_PATTERN, DatasetName
from pipeline.lake.datasets.raw_files import ColumnName
from pipeline.lake.datasets.types import parse_type

STAGED = "staged"
"""What the rows that Stage A staged are called in a transform."""

LONGEST_TEXT = 65_536
"""Characters of the code: it stands in the registration and in each batch's manifest."""

MOST_READS = 20
_FILE = r"[a-z0-9_][a-z0-9_.-]*(/[a-z0-9_][a-z0-9_.-]*)*"
_READ = re.compile(rf"^(?P<dataset>\w+/\w+)( as (?P<name>{NAME_PATTERN[1:-1]}))?$")
_FUNCTION = "[A-Za-z_][A-Za-z0-9_]*"

SqlFile = Annotated[str, StringConstraints(pattern=rf"^{_FILE}\.sql$")]
ScriptFile = Annotated[str, StringConstraints(pattern=rf"^{_FILE}\.py$")]
Function = Annotated[str, StringConstraints(pattern=rf"^{_FILE}\.py:{_FUNCTION}$")]
RequirementsFile = Annotated[str, StringConstraints(pattern=rf"^{_FILE}\.txt$")]
Kind = Literal["sql", "python", "script"]


class Transform(StrictModel):
    """What is made of a batch's staged rows before they are loaded: by exactly one of `sql`, `python` and `script`,
    each a file beside the definition."""

    sql: SqlFile | None = None
    """One SELECT over `staged` and the tables of `reads`."""
    python: Function | None = None
    """`file.py:function`, a function from a pyarrow.RecordBatch or Table to one."""
    script: ScriptFile | None = None
    """PySpark, which gets its rows from a helper and hands its result to it."""
    reads: Annotated[tuple[str, ...], Field(max_length=MOST_READS)] = ()
    """Datasets whose tables it may read: `team/dataset`, or `team/dataset as name`."""
    columns: dict[ColumnName, str] = Field(default_factory=dict)
    """The columns that it gives. Unsaid, those of the first batch that it was published for."""
    requirements: RequirementsFile | None = None
    """Packages that the code imports, each with its version and hashes."""
    timeout_minutes: Annotated[int, Field(ge=1, le=230)] = 60
    """After so long the job's run is stopped, and the batch fails. The state machine waits four hours for a run."""
    text: SkipJsonSchema[str] = ""
    """What stood in the file when the definition was read."""
    wheels: SkipJsonSchema[str] = ""
    """The requirements' text when the definition was read."""

    @property
    def kind(self) -> Kind:
        """Which of the three it is."""
        return "sql" if self.sql else "python" if self.python else "script"

    @property
    def file(self) -> str:
        """The file of the code, from the folder of the definition."""
        return (self.sql or self.script or str(self.python)).partition(":")[0]

    @property
    def function(self) -> str:
        """The name of the function, where the kind is `python`."""
        return str(self.python).partition(":")[2]

    @property
    def views(self) -> dict[str, DatasetName]:
        """The tables that it may read, by what they are called in it."""
        return dict(_view(each) for each in self.reads)

    @field_validator("reads")
    @classmethod
    def _reads_are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        seen: dict[str, str] = {STAGED: "the staged rows"}
        for each in value:
            name, _ = _view(each)
            if name in seen:
                raise ValueError(f"{each!r} would be called {name}, as {seen[name]}; write {each.split()[0]} as …")
            seen[name] = each
        return value

    @field_validator("columns")
    @classmethod
    def _types_are_known(cls, value: dict[str, str]) -> dict[str, str]:
        for name, kind in value.items():
            try:
                parse_type(kind)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return value

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(each is not None for each in (self.sql, self.python, self.script)) != 1:
            raise ValueError("say exactly one of sql, python and script")
        if self.python and self.reads:
            raise ValueError("reads means nothing to python, which gets the staged rows alone; use sql or script")
        if self.sql and self.requirements:
            raise ValueError("requirements means nothing to sql")
        return self


def _view(read: str) -> tuple[str, DatasetName]:
    found = _READ.match(read)
    if not found:
        raise ValueError(f"{read!r} is not of the form team/dataset, or team/dataset as name")
    dataset = DatasetName.parse(found["dataset"])
    return found["name"] or dataset.dataset, dataset
