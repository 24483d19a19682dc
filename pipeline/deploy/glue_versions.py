"""The versions of Glue: what each is made of, and why a lake cannot run on it where it cannot. No AWS here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Python = tuple[int, int]


@dataclass(frozen=True, slots=True)
class GlueVersion:
    """A version of Glue as AWS documents it (Glue Developer Guide: "Using Python libraries with AWS Glue", and the
    pages on migrating to it). `obstacle` says why jobs of this lake cannot run on it; empty for one that is offered.

    `packages` are of its Python packages those that the jobs use, or that packages of theirs need.
    """

    name: str
    spark: str
    scala: str
    python: Python
    iceberg: str
    platforms: tuple[str, ...] = ()
    """Tags of wheels that it takes."""
    packages: Mapping[str, str] = field(default_factory=dict)
    obstacle: str = ""


GLUE_5_1 = GlueVersion(
    "5.1",
    spark="3.5.6",
    scala="2.12",
    python=(3, 11),
    iceberg="1.10.0",
    platforms=("manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "manylinux2014_x86_64"),
    packages=MappingProxyType(
        {
            "boto3": "1.40.61",
            "botocore": "1.40.61",
            "jmespath": "1.0.1",
            "numpy": "2.3.4",
            "pandas": "2.3.3",
            "pyarrow": "22.0.0",
            "pyspark": "3.5.6",
            "python-dateutil": "2.9.0.post0",
            "pytz": "2025.2",
            "s3transfer": "0.14.0",
            "setuptools": "79.0.1",
            "six": "1.17.0",
            "typing-extensions": "4.15.0",
            "tzdata": "2025.2",
            "urllib3": "2.5.0",
        }
    ),
)
GLUE_5_0 = GlueVersion(
    "5.0",
    spark="3.5.4",
    scala="2.12",
    python=(3, 11),
    iceberg="1.7.1",
    obstacle="it has Iceberg 1.7.1 and PyArrow 17, and what writes tables here is tested with 1.10.0 and 22",
)
GLUE_6_0 = GlueVersion(
    "6.0",
    spark="4.1.1",
    scala="2.13",
    python=(3, 13),
    iceberg="1.11.0",
    obstacle=(
        "it has Spark 4.1, Scala 2.13 and Python 3.13; the lake's Deequ is made for Spark 3.5 and Scala 2.12, "
        "and its jobs are tested with PySpark 3.5.6 on Python 3.11"
    ),
)
ALL: Mapping[str, GlueVersion] = MappingProxyType({each.name: each for each in (GLUE_5_0, GLUE_5_1, GLUE_6_0)})
OFFERED = tuple(name for name, each in ALL.items() if not each.obstacle)
