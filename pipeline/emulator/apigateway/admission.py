"""Who may call a method, and how often: signatures, keys, usage plans, throttling of stages and of the account."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from pipeline.emulator.apigateway.apis import Authorization, Method
from pipeline.emulator.apigateway.faults import Fault, forbidden
from pipeline.emulator.apigateway.request import Incoming
from pipeline.emulator.apigateway.store import ACCOUNT, Json, Store
from pipeline.emulator.apigateway.usage import Usage
from pipeline.emulator.gateway.signatures import FindSecret, Unsigned, check

_NAMES = {
    Unsigned.MISSING: ("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token", "MissingAuthenticationToken"),
    Unsigned.UNKNOWN_KEY: (
        "DEFAULT_4XX",
        "The security token included in the request is invalid.",
        "UnrecognizedClient",
    ),
    Unsigned.WRONG: (
        "INVALID_SIGNATURE",
        "The request signature we calculated does not match the signature you provided.",
        "InvalidSignature",
    ),
    Unsigned.EXPIRED: ("INVALID_SIGNATURE", "Signature expired", "InvalidSignature"),
}


class Admission:
    """Counts what was admitted since the start."""

    def __init__(self, find: FindSecret) -> None:
        self._find = find
        self._usage = Usage()

    def admit(
        self,
        store: Store,
        stage: Json,
        method: Method,
        incoming: Incoming,
        environ: Mapping[str, Any],
        context: dict[str, Any],
    ) -> None:
        """Raise the `Fault` for a request that is not admitted; what is known of its caller goes into `context`."""
        if method.authorization is Authorization.IAM:
            self._check_signature(incoming, environ, context)
        now = time.time()
        if method.key_required:
            self._check_key(store, method, incoming, context, now)
        self._throttle_stage(store, stage, method, incoming, now)

    def _check_signature(self, incoming: Incoming, environ: Mapping[str, Any], context: dict[str, Any]) -> None:
        if why := check(environ, incoming.body, self._find):
            kind, message, name = _NAMES[why]
            raise Fault(kind, message, f"{name}Exception", 403)
        credential = incoming.header("Authorization").partition("Credential=")[2].partition(",")[0].split("/")
        if credential[3:4] != ["execute-api"]:
            told = "Credential should be scoped to correct service: 'execute-api'. "
            raise Fault("INVALID_SIGNATURE", told, "InvalidSignatureException", 403)
        context["identity"] |= {"accessKey": credential[0], "accountId": ACCOUNT, "caller": credential[0]}

    def _check_key(self, store: Store, method: Method, incoming: Incoming, context: dict[str, Any], now: float) -> None:
        value = incoming.header("X-Api-Key")
        key = next((key for key in store.keys.values() if value and key["value"] == value and key["enabled"]), None)
        plan = _plan_of(store, key["id"], incoming) if key else None
        if key is None or plan is None:
            raise forbidden()
        context["identity"] |= {"apiKey": value, "apiKeyId": key["id"]}
        if throttle := plan.get("throttle"):
            whose = ("plan", plan["id"], key["id"], incoming.api_id, incoming.stage, method.verb, method.path)
            self._take(whose, throttle.get("rateLimit"), throttle.get("burstLimit"), now)
        if plan.get("quota") and not self._usage.count(plan["id"], key["id"], plan["quota"], now):
            raise Fault("QUOTA_EXCEEDED", "Limit Exceeded", "LimitExceededException")

    def _throttle_stage(self, store: Store, stage: Json, method: Method, incoming: Incoming, now: float) -> None:
        settings = stage.get("methodSettings") or {}
        for key in (f"{method.path}/{method.verb}", "*/*"):
            given = settings.get(key, {})
            if "throttlingRateLimit" in given or "throttlingBurstLimit" in given:
                whose = ("stage", incoming.api_id, incoming.stage, method.verb, method.path)
                self._take(whose, given.get("throttlingRateLimit"), given.get("throttlingBurstLimit"), now)
                break
        of_account = store.account["throttleSettings"]
        self._take(("account", store.region), of_account["rateLimit"], of_account["burstLimit"], now)

    def _take(self, whose: tuple[str, ...], rate: float | None, burst: int | None, now: float) -> None:
        """One that says no rate has no limit of it; without a burst it has that of its rate."""
        if rate is None and burst is None:
            return
        steady = float(rate if rate is not None else burst or 0)
        at_once = float(burst if burst is not None else steady)
        if not self._usage.take(whose, steady, at_once, now):
            raise Fault("THROTTLED", "Too Many Requests", "TooManyRequestsException")


def _plan_of(store: Store, key_id: str, incoming: Incoming) -> Json | None:
    wanted = (incoming.api_id, incoming.stage)
    for plan_id, keys in store.keys_of_plans.items():
        plan = store.plans[plan_id]
        if key_id in keys and any((each["apiId"], each["stage"]) == wanted for each in plan["apiStages"]):
            return plan
    return None
