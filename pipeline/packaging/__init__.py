"""Turns a checkout into what CloudFormation can deploy: zips, layers, scripts and templates that name them in S3."""

from __future__ import annotations

from pipeline.packaging.artefacts import upload
from pipeline.packaging.manifest import read_manifest
from pipeline.packaging.package import Package, PackagedTemplate, Target, package, read_package, stack_name

__all__ = ["Package", "PackagedTemplate", "Target", "package", "read_manifest", "read_package", "stack_name", "upload"]
