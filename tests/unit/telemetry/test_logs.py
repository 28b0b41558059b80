"""Every record is one line that nothing in it can break, and says what an operator needs and no more."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from regard.domain.callers import Principal, TemporaryCredential
from regard.domain.reporting import RequestRecord
from regard.errors import SettingsError
from regard.telemetry import logs
from regard.telemetry.logs import FORMATS, OncePerMinute, RequestLog

#: What would end a line, or a record, or move a cursor, were it written as it is.
WICKED = 'x\n2026-01-01T00:00:00.000Z ERROR regard: forged\r\x1b[2K\x85\u2028\x9b1A"} {"level": "ERROR"}\ud800'
FORMS = pytest.mark.parametrize("form", FORMATS)


class Book(logging.Handler):
    """Keeps what a format makes of each record."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.setFormatter(FORMATS[form]())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def book() -> Iterator[Callable[[str], Book]]:
    """Where the request log goes, in the format that is asked for."""
    opened: list[Book] = []
    level = logs.log.level
    logs.log.setLevel(logging.INFO)

    def open_book(form: str) -> Book:
        opened.append(Book(form))
        logs.log.addHandler(opened[-1])
        return opened[-1]

    yield open_book
    logs.log.setLevel(level)
    for each in opened:
        logs.log.removeHandler(each)


def test_a_request_is_one_object_with_all_that_is_known_of_it(
    book: Callable[[str], Book], record: Callable[..., RequestRecord]
) -> None:
    written = book("json")
    session = TemporaryCredential(
        access_key_id="ASIA1", role="reader", name="night shift", expires_at=datetime.now(UTC)
    )
    principal = Principal(access_key_id="AKREGARD1", name="front desk", temporary_credential=session)
    RequestLog().answered(record(principal=principal))
    (line,) = written.lines
    parsed = json.loads(line)
    when = datetime.fromisoformat(parsed.pop("time"))
    assert timedelta() <= datetime.now(UTC) - when < timedelta(minutes=1)
    assert parsed == {
        "level": "INFO",
        "logger": "regard.requests",
        "message": "DetectFaces OK",
        "service": "rekognition",
        "operation": "DetectFaces",
        "code": "OK",
        "status": 200,
        "ms": 41.2,
        "waited_ms": 0.3,
        "received": 145_201,
        "sent": 2_301,
        "request_id": "11111111-2222-3333-4444-555555555555",
        "access_key_id": "AKREGARD1",
        "session": "night shift",
    }


def test_a_request_is_one_line_for_people(book: Callable[[str], Book], record: Callable[..., RequestRecord]) -> None:
    written = book("text")
    RequestLog().answered(record())
    (line,) = written.lines
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.split()[0])
    assert line.partition(" ")[2] == (
        "INFO regard.requests: DetectFaces OK service=rekognition status=200 ms=41.2 waited_ms=0.3 received=145201 "
        "sent=2301 request_id=11111111-2222-3333-4444-555555555555 access_key_id=AKREGARD1"
    )


@pytest.mark.parametrize(
    ("status", "code", "level"),
    [(200, None, "INFO"), (400, "InvalidParameterException", "INFO"), (500, "InternalServerError", "ERROR")],
)
def test_only_the_servers_own_faults_are_errors(
    book: Callable[[str], Book], record: Callable[..., RequestRecord], status: int, code: str | None, level: str
) -> None:
    written = book("json")
    RequestLog().answered(record(status=status, code=code, principal=None))
    parsed = json.loads(written.lines[0])
    assert (parsed["level"], parsed["status"], parsed["code"]) == (level, status, code or "OK")
    assert "access_key_id" not in parsed


@FORMS
def test_no_value_can_forge_a_line(
    book: Callable[[str], Book], record: Callable[..., RequestRecord], form: str
) -> None:
    written = book(form)
    session = TemporaryCredential(access_key_id=WICKED, role=WICKED, name=WICKED, expires_at=datetime.now(UTC))
    principal = Principal(access_key_id=WICKED, name=WICKED, temporary_credential=session)
    RequestLog().answered(record(operation=WICKED, code=WICKED, principal=principal, request_id=WICKED))
    logs.log.info("said by a library: %s", WICKED)
    assert len(written.lines) == 2
    for line in written.lines:
        assert line.isprintable()
        assert line.encode().decode() == line
        if form == "json":
            assert json.loads(line)["level"] == "INFO"


@FORMS
def test_a_traceback_belongs_to_its_record(book: Callable[[str], Book], form: str) -> None:
    written = book(form)
    try:
        raise ValueError(WICKED)
    except ValueError:
        logs.log.exception("request %s failed", "r")
    (record,) = written.lines
    if form == "json":
        assert "\n" not in record
        parsed = json.loads(record)
        assert parsed["message"] == "request r failed"
        assert parsed["exception"].startswith("Traceback")
    else:
        first, *others = record.split("\n")
        assert first.endswith("request r failed")
        assert others[0] == "    Traceback (most recent call last):"
        assert all(line.startswith("    ") and line.isprintable() for line in others)


@pytest.fixture
def as_before() -> Iterator[None]:
    """The process's logging, put back as it was."""
    root = logging.getLogger()
    handlers, level, requests = root.handlers[:], root.level, logs.log.level
    root.handlers.clear()  # `begin` closes those it finds, and pytest's are still needed
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logs.log.setLevel(requests)


@FORMS
def test_every_logger_of_the_process_speaks_to_standard_error(
    as_before: None, capfd: pytest.CaptureFixture[str], record: Callable[..., RequestRecord], form: str
) -> None:
    logs.begin(form)
    RequestLog().answered(record())
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("some.library").info("chatter")
    sys.stderr.flush()
    output: Any = capfd.readouterr()
    lines = output.err.splitlines()
    assert output.out == ""
    assert len(lines) == 2
    assert "uvicorn.error" in lines[1]
    if form == "json":
        assert json.loads(lines[1])["message"] == "Invalid HTTP request received."


def test_another_format_is_refused_with_those_there_are(as_before: None) -> None:
    with pytest.raises(SettingsError, match="'xml'; it must be one of: text, json"):
        logs.begin("xml")


@pytest.fixture
def minutes() -> Iterator[tuple[list[float], Callable[[logging.LogRecord], bool], Callable[..., logging.LogRecord]]]:
    """The time, to be set; the filter; and a maker of records."""
    now = [0.0]

    def make(name: str, message: str, *given: object) -> logging.LogRecord:
        return logging.LogRecord(name, logging.WARNING, __file__, 1, message, given, None)

    return now, OncePerMinute(clock=lambda: now[0]).filter, make


def test_the_same_fault_of_connections_is_said_once_a_minute_with_how_often_it_was(minutes: Any) -> None:
    now, let, make = minutes
    for name in ("uvicorn.error", "asyncio", "regard.edge.connections"):
        passed = [let(make(name, "%d are too many", number)) for number in range(50)]
        assert passed == [True] + [False] * 49
    assert let(make("uvicorn.error", "another fault"))
    now[0] = 59.0
    assert not let(make("asyncio", "%d are too many", 1))
    now[0] = 60.0
    record = make("asyncio", "%d are too many", 7)
    assert let(record)
    assert record.getMessage() == "7 are too many (50 more since the last such line)"
    now[0] = 120.0
    record = make("asyncio", "%d are too many", 8)
    assert let(record)
    assert record.getMessage() == "8 are too many"


def test_requests_and_faults_within_are_all_said(minutes: Any) -> None:
    _, let, make = minutes
    for name in ("regard.requests", "regard.wire.endpoint", "regard.engine.analysis"):
        assert all(let(make(name, "the same")) for _ in range(50))


def test_faults_of_ever_new_words_are_not_remembered_for_ever(minutes: Any) -> None:
    _, let, make = minutes
    for number in range(3000):
        assert let(make("asyncio", f"fault {number}"))
    assert len(let.__self__._written) <= 1000
