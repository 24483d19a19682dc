"""What is packaged, and what the tests run with, is made for the version of Glue that is offered."""

from __future__ import annotations

import re
from importlib.metadata import version

from pipeline.deploy.glue_versions import ALL, GLUE_5_1, OFFERED
from pipeline.toolchain.jars import DEEQU, ICEBERG


def test_one_version_is_offered_and_each_other_has_its_reason() -> None:
    assert list(OFFERED) == [GLUE_5_1.name]
    assert [each.name for each in ALL.values() if not each.obstacle] == list(OFFERED)


def test_the_tests_run_the_spark_of_the_version() -> None:
    assert version("pyspark") == GLUE_5_1.spark


def test_the_jars_are_for_the_versions_spark_and_iceberg() -> None:
    spark = GLUE_5_1.spark.rpartition(".")[0]
    deequ = next(jar for jar in DEEQU if jar.artifact == "deequ")
    assert deequ.version.endswith(f"-spark-{spark}")
    runtime = next(jar for jar in ICEBERG if "spark-runtime" in jar.artifact)
    assert runtime.artifact.endswith(f"-{spark}_{GLUE_5_1.scala}")
    assert {jar.version for jar in ICEBERG} == {GLUE_5_1.iceberg}


def test_an_obstacle_of_glue_6_is_one() -> None:
    """If Deequ comes to be for its Spark, the reason has to be looked at again."""
    made_for = re.search(r"spark-([\d.]+)$", next(jar.version for jar in DEEQU if jar.artifact == "deequ"))
    assert made_for is not None
    assert made_for[1] != ALL["6.0"].spark.rpartition(".")[0]
