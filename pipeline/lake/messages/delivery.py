"""What Stage A makes of a marker or a manifest: the members of a delivery, which the poller waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Member:
    """One object of a delivery, in the raw bucket.

    `version_id` is None where any version of the key will do; `sha256` (hex) and `size` (bytes) are None where nobody
    said what its bytes have to be.
    """

    key: str
    version_id: str | None = None
    sha256: str | None = None
    size: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Without what was not said."""
        said = {"key": self.key, "version_id": self.version_id, "sha256": self.sha256, "size": self.size}
        return {name: value for name, value in said.items() if value is not None}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Member:
        """Reads what `to_json` wrote."""
        size = document.get("size")
        return cls(
            document["key"],
            document.get("version_id"),
            document.get("sha256"),
            None if size is None else int(size),
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery; `kind` is that of the file that completes it, `marker` or `manifest`."""

    kind: str
    members: tuple[Member, ...]

    def to_json(self) -> dict[str, Any]:
        """As it stands in the staging bucket."""
        return {"kind": self.kind, "members": [member.to_json() for member in self.members]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Delivery:
        """Reads what `to_json` wrote."""
        return cls(document["kind"], tuple(Member.from_json(each) for each in document["members"]))
