"""OpenAPI documents that templates include: each gets into its API, and makes the API's deployments anew."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import BadDefinition

API = "AWS::ApiGateway::RestApi"
DEPLOYMENT = "AWS::ApiGateway::Deployment"

Template = dict[str, Any]


def include_documents(template: Template, path: Path, file: str) -> None:
    """Put the documents that APIs of the template at `path` include by local paths in their places.

    AWS::Include would fetch them from S3. A deployment is what its API was when it was made, and CloudFormation makes
    another only for another logical id: it gets a digest of the document. `BadDefinition`, in `file`, for a document
    that cannot be read.
    """
    digests = {}
    for logical_id, resource in template["Resources"].items():
        if resource.get("Type") != API:
            continue
        given = resource.get("Properties", {})
        match given.get("Body"):
            case {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": str(where)}}}:
                given["Body"] = _read(path.parent / where, f"{file}: {logical_id}.Properties.Body")
                digests[logical_id] = hashlib.sha256(json.dumps(given["Body"]).encode()).hexdigest()[:10]
    renamed = {
        logical_id: f"{logical_id}{digests[api]}"
        for logical_id, resource in template["Resources"].items()
        if resource.get("Type") == DEPLOYMENT
        and (api := resource.get("Properties", {}).get("RestApiId", {}).get("Ref")) in digests
    }
    if renamed:
        template["Resources"] = {renamed.get(name, name): each for name, each in template["Resources"].items()}
        for name in ("Resources", "Outputs"):
            if name in template:
                template[name] = _referring(template[name], renamed)


def _read(document: Path, place: str) -> Any:
    try:
        return yaml.safe_load(document.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BadDefinition(f"{place}: the document cannot be read: {error}") from None


def _referring(value: Any, renamed: dict[str, str]) -> Any:
    """The value with its Refs to what has another name now."""
    if isinstance(value, list):
        return [_referring(each, renamed) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Ref"}:
        return {"Ref": renamed.get(value["Ref"], value["Ref"])}
    return {name: _referring(each, renamed) for name, each in value.items()}
