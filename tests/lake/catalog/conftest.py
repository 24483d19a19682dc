from __future__ import annotations

import pytest

from tests.dynamodb_local import BACK_ENDS


@pytest.fixture(params=BACK_ENDS)
def dynamodb_back_end(request: pytest.FixtureRequest) -> str:
    back_end: str = request.param
    return back_end
