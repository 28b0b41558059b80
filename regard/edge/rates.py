"""Rates per access key and operation: a token bucket for each pair, as Rekognition's own "transactions per second"."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any

from regard.domain.callers import Principal
from regard.errors import ProvisionedThroughputExceeded, SettingsError
from regard.wire import schema

#: The key of a file of rates that is for the operations it does not name; without it they are free.
DEFAULT = "default"
#: So many buckets are kept before anybody looks which of them are full again, and can be forgotten.
_FEW = 1024
#: Requests a second; more is a slip of the pen.
_MOST = 1_000_000
#: Seconds that sums of floating-point times may be off.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many requests a second in the long run, and at most `burst` at once."""

    per_second: float
    burst: float


class RateLimiter:
    """Who may ask how often. Thread-safe.

    A bucket is kept as the moment when it will be full again: one number, and none once it is.
    """

    def __init__(self, rates: Mapping[str, Rate], clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = dict(rates)
        self._default = self._rates.pop(DEFAULT, None)
        self._clock = clock
        self._full_at: dict[tuple[str, str], float] = {}
        self._room = _FEW
        self._lock = Lock()

    @classmethod
    def load(cls, choice: str, clock: Callable[[], float] = time.monotonic) -> RateLimiter:
        """The quotas of the setting: "off", "aws" (Rekognition's defaults), or the path of a TOML file.

        Raises SettingsError, naming the file and the key, for what is not right.
        """
        if choice == "off":
            return cls({}, clock)
        if choice == "aws":
            text = resources.files("regard.edge").joinpath("rates.toml").read_text(encoding="utf-8")
            return cls(_rates(text, "rates.toml"), clock)
        file = Path(choice).expanduser()
        try:
            return cls(_rates(file.read_text(encoding="utf-8"), str(file)), clock)
        except FileNotFoundError as error:
            raise SettingsError(f'quotas is {choice!r}: not "off", not "aws", and there is no such file.') from error
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file}, the file of quotas, cannot be read: {error}") from error

    def check(self, principal: Principal, operation: str) -> None:
        """Count one request. Raises ProvisionedThroughputExceeded where this key has none left for the operation."""
        rate = self._rates.get(operation, self._default)
        if rate is None:
            return
        key = (principal.access_key_id, operation)
        with self._lock:
            now = self._clock()
            full_at = max(now, self._full_at.get(key, now))
            # What is missing from a full bucket leaves no whole request.
            if (full_at - now - _ROUNDING) * rate.per_second > rate.burst - 1:
                raise ProvisionedThroughputExceeded(
                    f"Provisioned Rate exceeded. {operation} is limited to {rate.per_second:g} requests a second for "
                    "each access key."
                )
            self._full_at[key] = full_at + 1 / rate.per_second
            if len(self._full_at) > self._room:
                self._forget(now)

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full. Looking again only at twice what is left keeps that rare."""
        self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        self._room = max(_FEW, 2 * len(self._full_at))


def _rates(text: str, where: str) -> dict[str, Rate]:
    """The rates of a TOML text; `where` is its name for messages. Raises SettingsError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is not valid TOML: {error}") from error
    known = {name for service in schema.VERSIONS for name in schema.load(service).operations}
    if unknown := sorted(set(table) - {DEFAULT} - known):
        raise SettingsError(f"{where}: {', '.join(unknown)}: no operation of AWS's, nor {DEFAULT!r}")
    return {name: _rate(value, f"{where}: {name}") for name, value in table.items()}


def _rate(value: Any, where: str) -> Rate:
    """A number is a rate; a table may give the burst too."""
    given = value if isinstance(value, dict) else {"rate": value}
    if unknown := sorted(set(given) - {"rate", "burst"}):
        raise SettingsError(f"{where}: unknown key {', '.join(unknown)}; there are rate and burst")
    if "rate" not in given:
        raise SettingsError(f"{where}: the key 'rate' is missing")
    per_second = _number(given["rate"], f"{where}: the rate")
    burst = _number(given.get("burst", max(1.0, per_second)), f"{where}: the burst")
    if burst < 1:
        raise SettingsError(f"{where}: the burst is {burst:g}; below 1 no request would pass")
    return Rate(per_second=per_second, burst=burst)


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST:
        raise SettingsError(f"{what} is {value!r}, not a number above 0, of at most {_MOST:,}")
    return float(value)
