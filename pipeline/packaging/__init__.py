"""Turns a checkout into what CloudFormation can deploy: zips, layers, scripts and templates that name them in S3."""

from __future__ import annotations

from pipeline.packaging.artefacts import Artefacts
from pipeline.packaging.package import Package, PackagedTemplate, Target, package, stack_name

__all__ = ["Artefacts", "Package", "PackagedTemplate", "Target", "package", "stack_name"]
