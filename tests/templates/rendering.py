"""A template as CloudFormation would see it in a partition: SAM expanded, state machines inlined, functions applied."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.cloudformation.intrinsics import Scope
from pipeline.cloudformation.locations import Place
from pipeline.cloudformation.parameters import values
from pipeline.cloudformation.sam import transformed
from pipeline.cloudformation.templates import load_template
from pipeline.deploy.packaging.documents import include_documents

PARTITIONS = {"aws": "eu-west-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""A region of each partition that the lake has to work in."""

GIVEN = {
    "Env": "dev",
    "Team": "weather",
    "Dataset": "stations",
    "Schedule": "rate(5 minutes)",
    "MinObjects": "1",
    "MaxObjects": "100",
    "MaxWait": "1800 seconds",
    "Freshness": "86400",
    "ReadableObjects": "arn:aws:s3:::sluice-dev-curated-111122223333-eu-west-1/weather/stations/data/*",
    "ReadableFolders": "weather/stations/*",
    "ReadableTables": "arn:aws:glue:eu-west-1:111122223333:catalog",
    "Feed": "payments",
    "Contract": "/sluice/dev/contracts/payments/0123456789ab",
    "Table": "payments",
    "Stream": "arn:aws:dynamodb:eu-west-1:111122223333:table/payments/stream/2026-01-01T00:00:00.000",
    "ForecastSource": "met_office",
    "SourceName": "met-office",
    "Definition": "{}",
    "ArtefactBucket": "artefacts",
    "LibraryUri": "s3://artefacts/library.zip",
    "DeequJarUris": "s3://artefacts/deequ.jar",
    "QualityWheelsUri": "s3://artefacts/quality.gluewheels.zip",
    "UpkeepWheelsUri": "s3://artefacts/upkeep.gluewheels.zip",
    "ConvertWheelsUri": "s3://artefacts/convert.gluewheels.zip",
    "Source": "CodeCommit",
    "Repository": "lake",
    "ExternalId": "known-to-both-accounts",
}
"""What the parameters without a default get."""

_IN_PARTS = {
    "DBProxyArn": "rds:{}:db-proxy:prx-0123",
    "MasterUserSecret.SecretArn": "secretsmanager:{}:secret:rds!db-0123",
}
"""Attributes that are no property of the resource itself, or of which templates take a part: an ARN's end."""

_LOCAL_PATHS = ("CodeUri", "ContentUri")
_SUBSTITUTION = re.compile(r"\$\{(\w+)\}")


class _Attributes(Mapping[str, str]):
    """What Fn::GetAtt answers of a resource that is not made: its logical id and the attribute's name."""

    def __init__(self, logical_id: str, partition: str) -> None:
        self._logical_id = logical_id
        self._partition = partition

    def __getitem__(self, name: str) -> str:
        if name in _IN_PARTS:
            return f"arn:{self._partition}:{_IN_PARTS[name].format(f'{PARTITIONS[self._partition]}:111122223333')}"
        return f"{self._logical_id}.{name}"

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def suffix(partition: str) -> str:
    """AWS::URLSuffix of a partition."""
    return "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"


def rendered(path: Path, partition: str = "aws", given: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The resources that would be made, by logical id, with nothing left to evaluate but dynamic references."""
    source = load_template(path)
    declared = source.get("Parameters", {})
    here = f"arn:{partition}:dynamodb:{PARTITIONS[partition]}:"
    examples = {**GIVEN, "Stream": GIVEN["Stream"].replace("arn:aws:dynamodb:eu-west-1:", here)}
    known = {name: value for name, value in examples.items() if name in declared} | dict(given or {})
    parameters = values(declared, known, str, path.name)
    template = transformed(_packaged(source, path), parameters, PARTITIONS[partition], path.name)
    every = template["Resources"]
    scope = Scope(
        parameters=parameters,
        pseudo={
            "AWS::Partition": partition,
            "AWS::Region": PARTITIONS[partition],
            "AWS::AccountId": "111122223333",
            "AWS::StackName": "sluice-stack",
            "AWS::URLSuffix": suffix(partition),
        },
        mappings={},
        conditions=template.get("Conditions", {}),
        ssm=str,
        exports=dict,
        secrets=None,  # type: ignore[arg-type]  # no template reads one
        references={name: name for name in every},
        attributes={name: _Attributes(name, partition) for name in every},
    )
    place = Place(path.name, ("Resources",))
    made = {
        name: scope.evaluate({key: value for key, value in each.items() if key != "Condition"}, place / name)
        for name, each in every.items()
        if "Condition" not in each or scope.holds(each["Condition"], place)
    }
    return {name: _with_definition(each) for name, each in made.items()}


def _packaged(source: dict[str, Any], path: Path) -> dict[str, Any]:
    """What the translator takes: no local paths, and the definition of each state machine in its place."""
    template = copy.deepcopy(source)
    include_documents(template, path, path.name)
    holders = [template.get("Globals", {}).get("Function", {})]
    holders += [each.get("Properties", {}) for each in template["Resources"].values()]
    for holder in holders:
        for name in _LOCAL_PATHS:
            if name in holder:
                holder[name] = "s3://artefacts/code.zip"
        if "DefinitionUri" in holder:
            holder["Definition"] = json.loads((path.parent / holder.pop("DefinitionUri")).read_text())
    return template


def _with_definition(resource: dict[str, Any]) -> dict[str, Any]:
    """A state machine with its substitutions made; `KeyError` for one that the template does not give."""
    given = resource.get("Properties", {})
    if "DefinitionString" in given:
        known = given["DefinitionSubstitutions"]
        given["DefinitionString"] = _SUBSTITUTION.sub(lambda found: known[found[1]], given["DefinitionString"])
    return resource
