"""Step Functions is a service of ours: what moto sends to its own goes there, from the server and from its mock."""

from __future__ import annotations

from pipeline.emulator.moto.patch import setup


@setup("moto's service would answer, with its own state machines and executions")
def _answer_by_our_service() -> None:
    from moto.stepfunctions import urls

    from pipeline.emulator.stepfunctions.api import answer

    urls.url_paths = {path: answer for path in urls.url_paths}
