"""What is packaged lies within the limits of AWS, and what does not is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.cloudformation.functions import functions
from pipeline.core.errors import BadDefinition
from pipeline.deploy.packaging import Package, Target, package, sizes
from tests.templates.rendering import rendered

ROOT = Path(__file__).parents[2]
STACKS = ROOT / "definitions" / "stacks"
SSM_BYTES = 4096


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """What would go to AWS; its layers are those of `build/layers`, built anew only when the lock changed."""
    return package(ROOT, tmp_path_factory.mktemp("aws") / "package", target=Target.AWS)


def test_every_function_is_listed_with_its_layers_and_within_lambdas_limits(packaged: Package) -> None:
    found = sizes.function_sizes(packaged.folder)
    assert {(each.stack, each.function) for each in found} == {(f.stack, f.logical_id) for f in functions(STACKS)}
    for each in found:
        # What pydantic alone unpacks to: a size that is counted, not nothing.
        assert 5_000_000 < each.unzipped <= 250 * 1024 * 1024, each
        assert each.code < each.unzipped
        assert 1 <= len(each.layers) <= 5


def test_a_layer_of_awss_own_counts_as_the_largest_that_was_published(packaged: Package) -> None:
    """No package holds it, and Lambda takes 250 MB with it."""
    found = {each.function: each for each in sizes.function_sizes(packaged.folder)}
    assert found["RegisterFunction"].layers == ("base", "AWSSDKPandas")
    assert found["RegisterFunction"].unzipped > 204 * 1024 * 1024 + found["RouteFunction"].layers_unzipped
    named = [each for each in functions(STACKS) if "PandasLayer" in str(each.properties.get("Layers"))]
    assert [each.managed_layers for each in named] == [("AWSSDKPandas",)]


def test_every_job_is_listed_with_what_is_installed_before_a_run(packaged: Package) -> None:
    found = {each.script: each for each in sizes.job_sizes(packaged.folder)}
    assert set(found) == {path.stem for path in (packaged.folder / "artefacts" / "scripts").rglob("*.py")}
    assert (found["standard"].packages, found["standard"].zip) == ((), 0)
    assert "pydeequ" in found["quality"].packages
    assert found["quality"].zip > 1_000_000


def test_the_package_is_within_every_limit(packaged: Package) -> None:
    assert list(sizes.too_large(packaged.folder)) == []


@pytest.mark.parametrize(
    ("limit", "value", "complaint"),
    [
        ("LIMIT_BYTES", 1000, "TransformFunction unpacks to .* Lambda takes 1,000"),
        ("LAYERS", 0, "TransformFunction has 1 layers"),
        (
            "MANAGED_LAYERS",
            {"AWSSDKPandas": 270 * 1024 * 1024},
            "RegisterFunction unpacks to .* Lambda takes 262",
        ),
        ("TEMPLATE_BYTES", 1000, "the template stage_a.yaml has"),
        ("MACHINE_BYTES", 1000, "the state machine stage_a.asl.json has"),
    ],
)
def test_what_is_larger_than_aws_takes_is_told(
    packaged: Package, monkeypatch: pytest.MonkeyPatch, limit: str, value: Any, complaint: str
) -> None:
    monkeypatch.setattr(sizes, limit, value)
    assert [told for told in sizes.too_large(packaged.folder) if re.search(complaint, told)]


def test_what_is_larger_than_aws_takes_is_not_packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "LAYERS", 0)
    with pytest.raises(BadDefinition, match="TransformFunction has 1 layers"):
        package(ROOT, tmp_path / "package", target=Target.EMBEDDED)
    assert not (tmp_path / "package").exists()


def parameters() -> Iterator[tuple[str, Any]]:
    for path in STACKS.glob("*.yaml"):
        for name, resource in rendered(path).items():
            if resource["Type"] == "AWS::SSM::Parameter":
                yield name, resource["Properties"]["Value"]


def test_parameters_fit_into_parameter_stores_standard_tier() -> None:
    found = dict(parameters())
    assert found
    assert [name for name, value in found.items() if len(str(value).encode()) > SSM_BYTES] == []
