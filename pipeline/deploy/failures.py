"""What failed of several things that are deployed each for itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.core.errors import Refused, SluiceError


class Failures:
    """Keeps why each failed, so that the others are deployed."""

    def __init__(self) -> None:
        self._why: dict[str, str] = {}
        self._tried = 0

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """What is deployed inside may fail for a reason of ours or of AWS's; faults of the code go on."""
        self._tried += 1
        try:
            yield
        except SluiceError as error:
            self._why[name] = f"{error.message} {error.hint}" if error.hint else error.message
        except (BotoCoreError, ClientError) as error:
            self._why[name] = f"AWS answered: {error}"

    def raise_any(self, what: str) -> None:
        """`Refused` with each that failed and why; `what` names them all, such as `feeds`."""
        if self._why:
            raise Refused(
                f"{len(self._why)} of {self._tried} {what} were not deployed:\n"
                + "\n".join(f"{name}: {why}" for name, why in self._why.items()),
                hint="The others are. Mend these, and deploy again.",
            )
