"""Turns a checkout into what CloudFormation can deploy: zips, layers, scripts and templates that name them in S3."""

from __future__ import annotations

from pipeline.cloudformation.templates import stack_name
from pipeline.deploy.packaging.artefacts import upload
from pipeline.deploy.packaging.manifest import read_manifest
from pipeline.deploy.packaging.package import (
    Package,
    PackagedTemplate,
    Target,
    check_flows,
    flows_of_checkout,
    package,
    read_package,
)

__all__ = [
    "Package",
    "PackagedTemplate",
    "Target",
    "check_flows",
    "flows_of_checkout",
    "package",
    "read_manifest",
    "read_package",
    "stack_name",
    "upload",
]
