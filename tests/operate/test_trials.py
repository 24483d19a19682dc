"""Which job tries a definition, and that a team's own code is not tried."""

from __future__ import annotations

import pytest

from pipeline.core.errors import Refused
from pipeline.core.settings import Settings
from pipeline.lake.datasets import Dataset
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.operate.trials import Trials

PLAIN = {"team": "shop", "dataset": "orders", "stage_a": {"format": "csv"}}
OWN = Dataset.model_validate(PLAIN | {"transform": {"sql": "transforms/own.sql"}})


def test_a_transform_of_a_team_s_own_is_refused_with_what_tries_it() -> None:
    lake = Lake(Settings({Setting.STANDARD_JOB: "standard"}, "the test"))
    trials = Trials(lake=lake, say=lambda _: None, new_id=lambda: "")
    assert trials._transform_job(Dataset.model_validate(PLAIN)) == "standard"
    with pytest.raises(Refused, match="it is not tried") as caught:
        trials.run(OWN, [])
    assert caught.value.hint == "Run it on samples with `sluice test shop/orders`."
