"""A database instance is a PostgreSQL: made, stopped, started, killed and deleted by RDS's calls and by a stack."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.cloudformation import Deployer
from pipeline.emulator.rds.databases import Databases, run_by
from pipeline.emulator.rds.server import PORT
from pipeline.emulator.supervision import Tender
from tests.emulator.conftest import Aws
from tests.patience import until

TEMPLATE = """
Resources:
  Database:
    Type: AWS::RDS::DBInstance
    Properties:
      DBInstanceIdentifier: told
      DBInstanceClass: db.t4g.micro
      AllocatedStorage: "20"
      Engine: postgres
      DBName: feeds
      MasterUsername: owner
      ManageMasterUserPassword: true
Outputs:
  Host: {Value: !GetAtt Database.Endpoint.Address}
  Port: {Value: !GetAtt Database.Endpoint.Port}
  Secret: {Value: !GetAtt Database.MasterUserSecret.SecretArn}
"""


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Databases]:
    tender = Tender()
    made = Databases(tmp_path / "rds", tender.tend)
    made.start()
    tender.start()
    forget = run_by(made)
    yield made
    forget()
    tender.stop()
    made.stop()
    assert not list((tmp_path / "rds").glob("*"))


def connect(host: str, secret: dict[str, str], database: str = "feeds") -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=host, port=PORT, user=secret["username"], password=secret["password"], dbname=database, autocommit=True
    )


def test_a_stacks_instance_keeps_its_rows_until_it_is_deleted(databases: Databases, aws: Aws, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE)
    deployer = Deployer(aws, "123456789012", "eu-west-1")
    outputs = deployer.deploy("told", template).outputs
    assert (outputs["Host"], outputs["Port"]) == (databases.address("told"), str(PORT))
    secret = json.loads(aws("secretsmanager").get_secret_value(SecretId=outputs["Secret"])["SecretString"])
    rds = aws("rds")

    def instance() -> dict[str, Any]:
        found: dict[str, Any] = rds.describe_db_instances(DBInstanceIdentifier="told")["DBInstances"][0]
        return found

    with connect(outputs["Host"], secret) as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'owner'").fetchone() == (False,)
        connection.execute("CREATE ROLE reader")
        connection.execute("CREATE TABLE t AS SELECT 1 AS v")
    rds.stop_db_instance(DBInstanceIdentifier="told")
    assert instance()["DBInstanceStatus"] == "stopped"
    with pytest.raises(psycopg.OperationalError):
        connect(outputs["Host"], secret)
    rds.start_db_instance(DBInstanceIdentifier="told")
    rds.reboot_db_instance(DBInstanceIdentifier="told")
    os.kill(int(Path(outputs["Host"], f".s.PGSQL.{PORT}.lock").read_text().split()[0]), signal.SIGKILL)

    def rows() -> list[Any]:
        try:
            with connect(outputs["Host"], secret) as connection:
                return connection.execute("SELECT v FROM t").fetchall()
        except psycopg.OperationalError:
            return []

    until(lambda: rows() == [(1,)])
    assert deployer.deploy("told", template).changed == ()
    deployer.delete("told")
    assert databases.address("told") is None
    with pytest.raises(ClientError, match="not found"):
        instance()
    with pytest.raises(ClientError):
        aws("secretsmanager").get_secret_value(SecretId=outputs["Secret"])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"Engine": "mysql"}, "PostgreSQL alone"),
        ({"ManageMasterUserPassword": False, "MasterUserPassword": "long enough"}, "does not honour"),
        ({"ManageMasterUserPassword": False}, "ManageMasterUserPassword alone"),
        ({"Port": 5433}, "the port 5432"),
    ],
)
def test_what_is_not_honoured_is_refused_by_name(aws: Aws, changed: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {
        "DBInstanceIdentifier": "refused",
        "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": 20,
        "Engine": "postgres",
        "MasterUsername": "owner",
        "ManageMasterUserPassword": True,
    }
    with pytest.raises(ClientError, match=words):
        aws("rds").create_db_instance(**given | changed)
    with pytest.raises(ClientError, match="not found"):
        aws("rds").describe_db_instances(DBInstanceIdentifier="refused")
    with pytest.raises(ClientError, match="only instances of PostgreSQL"):
        aws("rds").create_db_cluster(DBClusterIdentifier="c", Engine="aurora-postgresql")
