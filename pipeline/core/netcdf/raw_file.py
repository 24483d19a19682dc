"""What files that are read by ranges have in common, as netCDF's readers ask it of them."""

from __future__ import annotations

import io


class RawFile(io.RawIOBase):
    """A file that can seek, and is read by `read`, which others give."""

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: object, /) -> int:
        """As `read`, into a buffer."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        found = self.read(len(view))
        assert found is not None
        view[: len(found)] = found
        return len(found)
