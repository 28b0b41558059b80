"""The log: one line a record, in words or in JSON, and nothing in it of what a picture shows or whom it shows."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from regard.errors import InternalServerError, SettingsError
from regard.telemetry.instruments import OK, UNKNOWN, Instrument, RequestRecord

log = logging.getLogger("regard.requests")

#: What ends a line, rings a bell or moves a cursor (Unicode's Cc and its two separators), and what is no text.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PLAIN = re.compile(r"[\w.:/@+,-]+", re.ASCII)


class RequestLog(Instrument):
    """A line for every request: what was asked, by which key, how it ended and how long it took."""

    def answered(self, answer: RequestRecord) -> None:
        operation, code, principal = answer.operation or UNKNOWN, answer.code or OK, answer.principal
        fields = {
            "service": answer.service or UNKNOWN,
            "operation": operation,
            "code": code,
            "status": answer.status,
            "ms": round(answer.seconds * 1000, 1),
            "waited_ms": round(answer.waited * 1000, 1),
            "received": answer.received,
            "sent": answer.sent,
            "request_id": answer.request_id,
        }
        if principal:
            fields["access_key_id"] = principal.access_key_id
        if principal and principal.temporary_credential:
            fields["session"] = principal.temporary_credential.name
        failed = answer.status >= InternalServerError.status
        log.log(logging.ERROR if failed else logging.INFO, "%s %s", operation, code, extra={"regard": fields})


class JsonLines(logging.Formatter):
    """One JSON object a line, ASCII only."""

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
    """One line for people: when, how grave, what, and the fields. A traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        fields = [f"{name}={_quoted(value)}" for name, value in _fields(record).items() if name not in _IN_MESSAGE]
        said = [_time(record), record.levelname, f"{record.name}:", _escaped(record.getMessage()), *fields]
        lines = [" ".join(said)]
        if record.exc_info:
            # Only a record begins at the margin: an exception's own words cannot pass for one.
            lines += [f"    {_escaped(line)}" for line in self.formatException(record.exc_info).split("\n")]
        return "\n".join(lines)


_IN_MESSAGE = ("operation", "code")
FORMATS: Mapping[str, type[logging.Formatter]] = {"text": TextLines, "json": JsonLines}


def begin(form: str) -> None:
    """Send all logs of this process, the HTTP server's too, to standard error; `form` is one of FORMATS.

    Raises SettingsError for another.
    """
    if form not in FORMATS:
        raise SettingsError(f"log_format is {form!r}; it is one of: {', '.join(FORMATS)}")
    handler = logging.StreamHandler()
    handler.setFormatter(FORMATS[form]())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(logging.INFO)


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
