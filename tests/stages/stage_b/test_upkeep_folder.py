"""Upkeep removes files in the folder of its dataset, and in no other, whatever a table says of itself."""

from __future__ import annotations

import pytest

from pipeline.core.errors import Refused
from stages.stage_b.jobs.table_upkeep import check_folder


@pytest.mark.parametrize("location", ["s3://curated/shop/orders", "s3://curated/shop/orders/", "s3a://c/shop/orders"])
def test_a_table_in_its_datasets_folder_is_kept_up(location: str) -> None:
    check_folder(location, "shop/orders")


@pytest.mark.parametrize(
    "location",
    ["s3://curated/other/orders", "s3://curated/shop", "s3://curated/", "", "s3://curated/shop/orders2", "shop/orders"],
)
def test_a_table_that_says_it_lies_elsewhere_is_not(location: str) -> None:
    with pytest.raises(Refused, match="nothing is removed"):
        check_folder(location, "shop/orders")
