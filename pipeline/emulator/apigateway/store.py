"""What API Gateway keeps of a region: APIs, deployments, stages, keys, usage plans. Nothing acts here."""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import dataclass, field
from typing import Any

from pipeline.emulator.apigateway.apis import Api
from pipeline.emulator.apigateway.errors import not_found

ACCOUNT = "123456789012"
_ALPHABET = string.ascii_lowercase + string.digits

Json = dict[str, Any]
"""A document as API Gateway's API gives it."""


@dataclass(slots=True)
class RestApi:
    """An API: `settings` as the API gives them, and what was imported last, which a deployment takes as it stands."""

    settings: Json
    imported: Api | None = None
    gateway_responses: dict[str, Json] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    stages: dict[str, Json] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.settings["id"])

    def stage(self, name: str) -> Json:
        """A stage; `ApiError` if there is none of the name."""
        if name not in self.stages:
            raise not_found("Invalid stage identifier specified")
        return self.stages[name]


@dataclass(frozen=True, slots=True)
class Deployment:
    """An API as it stood when it was deployed."""

    settings: Json
    api: Api


@dataclass(slots=True)
class Store:
    """One region's."""

    region: str
    apis: dict[str, RestApi] = field(default_factory=dict)
    keys: dict[str, Json] = field(default_factory=dict)
    plans: dict[str, Json] = field(default_factory=dict)
    keys_of_plans: dict[str, list[str]] = field(default_factory=dict)
    account: Json = field(
        default_factory=lambda: {
            "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
            "features": ["UsagePlans"],
            "apiKeyVersion": "4",
        }
    )

    def api(self, api_id: str) -> RestApi:
        """An API; `ApiError` if there is none of the id."""
        if api_id not in self.apis:
            raise not_found("Invalid API identifier specified " + f"{ACCOUNT}:{api_id}")
        return self.apis[api_id]

    def key(self, key_id: str) -> Json:
        """A key; `ApiError` if there is none of the id."""
        if key_id not in self.keys:
            raise not_found("Invalid API Key identifier specified")
        return self.keys[key_id]

    def plan(self, plan_id: str) -> Json:
        """A usage plan; `ApiError` if there is none of the id."""
        if plan_id not in self.plans:
            raise not_found("Invalid Usage Plan ID specified")
        return self.plans[plan_id]


def new_id(length: int = 10) -> str:
    """An id in the form of API Gateway's, which nobody guesses."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def now() -> int:
    """The time as the API gives it."""
    return int(time.time())
