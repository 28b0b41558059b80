"""The log: one line per record, as text or JSON, and nothing in it of what or whom a picture shows."""

from __future__ import annotations

import json
import logging
import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from regard.domain.reporting import RequestRecord
from regard.errors import InternalServerError, SettingsError
from regard.telemetry.instruments import OK, UNKNOWN, Instrument

log = logging.getLogger("regard.requests")

#: Characters that end a line, ring a bell or move a cursor (Unicode's Cc and its two separators), and lone surrogates.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PLAIN = re.compile(r"[\w.:/@+,-]+", re.ASCII)


class RequestLog(Instrument):
    """One line per request: the operation, the access key, how it ended and how long it took."""

    def answered(self, record: RequestRecord) -> None:
        operation, code, principal = record.operation or UNKNOWN, record.code or OK, record.principal
        fields = {
            "service": record.service or UNKNOWN,
            "operation": operation,
            "code": code,
            "status": record.status,
            "ms": round(record.seconds * 1000, 1),
            "waited_ms": round(record.waited * 1000, 1),
            "received": record.received,
            "sent": record.sent,
            "request_id": record.request_id,
        }
        if principal:
            fields["access_key_id"] = principal.access_key_id
        if principal and principal.temporary_credential:
            fields["session"] = principal.temporary_credential.name
        if record.detail:
            fields["detail"] = record.detail
        failed = record.status >= InternalServerError.status
        log.log(logging.ERROR if failed else logging.INFO, "%s %s", operation, code, extra={"regard": fields})


class JsonLines(logging.Formatter):
    """One JSON object per line, ASCII only."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """One line for people to read: time, level, message and fields. A traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        fields = [f"{name}={_quoted(value)}" for name, value in _fields(record).items() if name not in _IN_MESSAGE]
        words = [_time(record), record.levelname, f"{record.name}:", _escaped(record.getMessage()), *fields]
        lines = [" ".join(words)]
        if record.exc_info:
            # Only a record begins at the margin, so that an exception's message cannot pass for one.
            lines += [f"    {_escaped(line)}" for line in self.formatException(record.exc_info).split("\n")]
        return "\n".join(lines)


class OncePerMinute(logging.Filter):
    """Lets one record a minute through for the same fault of the connections, and says how many it held back.

    Strangers can cause such faults as often as they like. Records of requests are never held back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        # When each fault was last written, and how often it has been held back since.
        self._written: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in _STRANGERS_LOGGERS and not record.name.startswith("regard.edge"):
            return True
        fault, now = (record.name, str(record.msg).partition("\n")[0]), self._clock()
        written, held = self._written.get(fault, (-math.inf, 0))
        if now - written < _SAME_FAULT_SECONDS:
            self._written[fault] = written, held + 1
            return False
        if len(self._written) >= _MOST_FAULTS:
            self._written.clear()
        self._written[fault] = now, 0
        if held:
            record.msg, record.args = f"{record.getMessage()} ({held} more since the last such line)", None
        return True


#: What logs the faults of connections: uvicorn, and asyncio below it. So does `regard.edge`.
_STRANGERS_LOGGERS = ("uvicorn", "asyncio")
_SAME_FAULT_SECONDS = 60.0
_MOST_FAULTS = 1000
#: What people want to read although nothing is wrong: requests, and how far the fetching of models is.
_TALKATIVE = ("regard.requests", "regard.bootstrap.packs")
_IN_MESSAGE = ("operation", "code")
FORMATS: Mapping[str, type[logging.Formatter]] = {"text": TextLines, "json": JsonLines}


def begin(form: str) -> None:
    """Send all logs of this process, the HTTP server's included, to standard error; `form` is one of FORMATS.

    Raises SettingsError for any other.
    """
    if form not in FORMATS:
        raise SettingsError(f"log_format is {form!r}; it must be one of: {', '.join(FORMATS)}")
    handler = logging.StreamHandler()
    handler.setFormatter(FORMATS[form]())
    handler.addFilter(OncePerMinute())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields: Mapping[str, object] = getattr(record, "regard", {})
    return fields


def _quoted(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
