"""What may leave of log groups in which values of people's data could stand by mistake: facts, and no free text.

A feed's contract denies by default, and its functions log no values. What they do not write themselves may quote some:
the message of a database's error, a library's warning, the trace of an uncaught exception.
"""

from __future__ import annotations

import re
from typing import Any

from pipeline.log_forwarding.events import as_object

_WORD = r"[A-Za-z_][\w.]{0,99}"
_ID = r"[0-9A-Za-z-]{1,64}"
_FORMS = {
    name: re.compile(form, re.ASCII)
    for name, form in {
        "level": "DEBUG|INFO|WARNING|ERROR|CRITICAL",
        "timestamp": r"[0-9T:.Z+-]{10,40}",
        "service": _WORD,
        "location": r"[\w.<>]{1,100}:\d{1,6}",
        "request_id": _ID,
        "function_request_id": _ID,
        "correlation_id": _ID,
        "xray_trace_id": r"[0-9A-Za-z=;-]{1,200}",
        "exception_name": _WORD,
    }.items()
}
_OURS = "INFO"
"""Only our own modules log at this level, and their messages are constants; of libraries there are warnings."""
_PLATFORM = re.compile(
    r"""(?: START\ RequestId:\ [0-9a-f-]{36}\ Version:\ [\w$]{1,20}
          | END\ RequestId:\ [0-9a-f-]{36}
          | INIT_START\ Runtime\ Version:\ [\w.:-]{1,60}\s+Runtime\ Version\ ARN:\ [\w.:/-]{1,300}
          | REPORT\ RequestId:\ [0-9a-f-]{36}[\w\t\n .:-]{0,600}
          | [0-9TZ:.-]{20,30}\ [0-9a-f-]{36}\ Task\ timed\ out\ after\ [0-9.]{1,10}\ seconds
        )\s*""",
    re.VERBOSE | re.ASCII,
)
"""What Lambda itself writes of an invocation."""


def fields_only(message: str) -> dict[str, Any]:
    """What a line may say of a message: Lambda's own report, or the known fields and the numbers of one of our lines.

    Anything else is `withheld`, a number of characters: that something was logged is seen; what, in CloudWatch alone.
    """
    if _PLATFORM.fullmatch(message):
        return {"message": message}
    found = as_object(message)
    if found is None:
        return {"withheld": len(message)}
    record = {name: value for name, value in found.items() if _may_leave(name, value)}
    if found.get("level") == _OURS and isinstance(found.get("message"), str):
        record["message"] = found["message"]
    withheld = len(found.keys() - record.keys())
    return {"record": record, **({"withheld_fields": withheld} if withheld else {})}


def _may_leave(name: str, value: Any) -> bool:
    if re.fullmatch(_WORD, name, re.ASCII) is None:
        return False
    if isinstance(value, str):
        return name in _FORMS and _FORMS[name].fullmatch(value) is not None
    return value is None or isinstance(value, bool | int | float)
