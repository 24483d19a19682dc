"""AWS's own SAM translator, run without a network: a template with its transform in, plain CloudFormation out."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from pipeline.cloudformation.locations import Place
from pipeline.cloudformation.sam_errors import told
from pipeline.core.errors import BadDefinition

SAM = "AWS::Serverless-2016-10-31"
SAM_TYPES = tuple(
    f"AWS::Serverless::{name}" for name in ("Api", "Function", "HttpApi", "LayerVersion", "SimpleTable", "StateMachine")
)
"""Types that stand in templates and in no stack."""


def transformed(template: Mapping[str, Any], parameters: Mapping[str, Any], region: str, file: str) -> dict[str, Any]:
    """The template as CloudFormation would see it after its macros; any other macro than SAM is refused."""
    macros = template.get("Transform", [])
    macros = [macros] if isinstance(macros, str) else macros
    for macro in macros:
        if macro != SAM:
            raise Place(file, ("Transform",)).wrong(f"the transform {macro} is not honoured by the embedded deployer")
    if not macros:
        return dict(template)
    # A plan and the deployment after it expand the same.
    return copy.deepcopy(_expanded(json.dumps([template, dict(parameters)]), region, file))


@cache
def _expanded(source: str, region: str, file: str) -> dict[str, Any]:
    """`source` is a template and its parameters, as JSON."""
    given, parameters = json.loads(source)
    # Importing the translator takes over a second, which commands that deploy nothing should not pay.
    import boto3
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    # Which of its features are being tried out is SAM's service's to know, and it warns of each that it is not told.
    logging.getLogger("samtranslator.feature_toggle").setLevel(logging.ERROR)
    # The session tells the translator region and partition. It calls nothing: policies are written out in our
    # templates, so the map of AWS's managed policies, for which it would ask IAM, is empty.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    try:
        found = translator.translate(copy.deepcopy(given), parameter_values=parameters)
    except InvalidDocumentException as error:
        raise BadDefinition(told(error, given, file)) from error
    finally:
        # It counts its own use and complains of counts that nobody took; here nobody does.
        translator.metrics.publish()
    found.pop("Transform", None)
    return dict(found)
