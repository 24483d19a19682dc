"""Which job tries a definition, and where a team's own code is not tried."""

from __future__ import annotations

import pytest

from pipeline.core.errors import Refused
from pipeline.core.settings import Settings
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.trials import Trials

PLAIN = {"team": "shop", "dataset": "orders", "stage_a": {"format": "csv"}}
OWN = Dataset.model_validate(PLAIN | {"transform": {"sql": "transforms/own.sql"}})


def trials(*, own_code: bool = True) -> Trials:
    names = {Setting.DATASETS_TABLE: "DatasetsTable", Setting.STANDARD_JOB: "standard"}
    return Trials(lake=Lake(Settings(names, "the test")), own_code=own_code, say=lambda _: None, new_id=lambda: "")


def test_a_team_s_own_transform_is_tried_by_its_own_job_where_that_may_write(catalog_tables: dict[str, str]):
    made = trials()
    assert made._transform_job(Dataset.model_validate(PLAIN)) == "standard"
    with pytest.raises(Refused, match="has no job yet"):
        made._transform_job(OWN)
    made.lake.registry.put(Registration.of(OWN, "queue", "dead", "db.orders", transform_job="own"))
    assert made._transform_job(OWN) == "own"
    with pytest.raises(Refused, match="may write to its own table alone"):
        trials(own_code=False)._transform_job(OWN)
