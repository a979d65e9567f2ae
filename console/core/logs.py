"""Write log lines as JSON, one object a line, with the request id and never with a secret."""

import json
import logging
import re
import traceback
from datetime import UTC, datetime

from console.core.requests import request_id

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FORBIDDEN = ("password", "token", "secret", "code", "cookie", "authorization", "session_key")
_SECRET_PATH = re.compile(r"/(activate|reset|not-me)/[\w:.-]{12,}/?")
_EXCUSED = frozenset({"status_code"})


class JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON; ``json.dumps`` escapes every control character."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _SECRET_PATH.sub(r"/\1/[hidden]/", record.getMessage()),
            "request_id": request_id.get() or None,
        } | _extras(record)
        if record.exc_info and record.exc_info[1]:
            line["error"] = type(record.exc_info[1]).__name__
            line["traceback"] = "".join(traceback.format_tb(record.exc_info[2]))[-4000:]
        return json.dumps(line, default=str, ensure_ascii=True)


def _extras(record: logging.LogRecord) -> dict[str, object]:
    extras = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    extras.pop("request", None)
    return {key: "[hidden]" if _is_secret(key) else _shown(value) for key, value in extras.items()}


def _shown(value: object) -> object:
    return _SECRET_PATH.sub(r"/\1/[hidden]/", value) if isinstance(value, str) else value


def _is_secret(key: str) -> bool:
    return key not in _EXCUSED and any(word in key.lower() for word in _FORBIDDEN)
