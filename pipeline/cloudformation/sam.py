"""AWS's SAM translator, run without a network: expands a template to plain CloudFormation."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from pipeline.cloudformation.locations import Place
from pipeline.cloudformation.sam_errors import describe
from pipeline.core.errors import BadDefinition

SAM = "AWS::Serverless-2016-10-31"
SAM_TYPES = tuple(
    f"AWS::Serverless::{name}" for name in ("Api", "Function", "HttpApi", "LayerVersion", "SimpleTable", "StateMachine")
)
"""Types that occur in templates only: the translator replaces them."""


def transformed(template: Mapping[str, Any], parameters: Mapping[str, Any], region: str, file: str) -> dict[str, Any]:
    """The template after its macros, as CloudFormation sees it; `BadDefinition` for another macro than SAM."""
    macros = template.get("Transform", [])
    macros = [macros] if isinstance(macros, str) else macros
    for macro in macros:
        if macro != SAM:
            raise Place(file, ("Transform",)).wrong(f"the transform {macro} is not honoured by the embedded deployer")
    if not macros:
        return dict(template)
    # Cached: a plan and the deployment after it expand the same template.
    return copy.deepcopy(_expanded(json.dumps([template, dict(parameters)]), region, file))


@cache
def _expanded(source: str, region: str, file: str) -> dict[str, Any]:
    """Expand `source`, a list of a template and its parameters as JSON."""
    given, parameters = json.loads(source)
    # Importing the translator takes over a second, which commands that deploy nothing should not pay.
    import boto3
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    # The translator warns of every feature toggle that is not set; only AWS's own service sets them.
    logging.getLogger("samtranslator.feature_toggle").setLevel(logging.ERROR)
    # The session gives the translator region and partition. It makes no calls: our templates have their policies
    # written out, so the map of AWS's managed policies, for which it would call IAM, is empty.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    try:
        expanded = translator.translate(copy.deepcopy(given), parameter_values=parameters)
    except InvalidDocumentException as error:
        raise BadDefinition(describe(error, given, file)) from error
    finally:
        # It collects usage metrics, and warns at exit if they were not published.
        translator.metrics.publish()
    expanded.pop("Transform", None)
    return dict(expanded)
