"""How PyIceberg reads and writes S3 in a process that a profile says who it is: a person's, or a build of the pipeline.

pyarrow's S3 looks for credentials by itself, and takes no role that a profile names (apache/arrow, issues 39304 and
41794). It would go unsigned, or, in a build, as the build and not as the role that the build becomes.
"""

from __future__ import annotations

from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.typedef import EMPTY_DICT, Properties

from pipeline.core.clients import s3_credentials


class ProfileIO(PyArrowFileIO):
    """The files of one table, as PyIceberg makes it each time that it loads one: credentials are never older."""

    def __init__(self, properties: Properties = EMPTY_DICT) -> None:
        super().__init__({**properties, **s3_credentials()})
