"""Rates per access key and operation: a token bucket for each pair, as Rekognition's own "transactions per second"."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from threading import Lock

from pydantic import Field, model_validator

from regard.config.toml_tables import Table, parse, read, text_of
from regard.domain.callers import Principal
from regard.errors import ProvisionedThroughputExceeded, SettingsError

#: The key in a file of rates for all operations that it does not name; without it they are free.
DEFAULT = "default"
#: Buckets that are kept before those that are full again are looked for and dropped.
_KEPT_BUCKETS = 1024
#: More is a slip of the pen.
_MOST_PER_SECOND = 1_000_000
#: How far sums of floating-point times may be off.
_ROUNDING_SECONDS = 1e-6


class Rate(Table, frozen=True):
    """Requests a second in the long run, and the most at once. In a file a bare number is a rate."""

    rate: float = Field(gt=0, le=_MOST_PER_SECOND, allow_inf_nan=False)
    #: A second's requests unless given.
    burst: float = Field(
        default_factory=lambda given: max(1.0, given["rate"]), ge=1, le=_MOST_PER_SECOND, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _of_number(cls, given: object) -> object:
        return given if isinstance(given, dict) else {"rate": given}


class RateLimiter:
    """How often each access key may call each operation. Thread-safe; any number of HTTP doors may share one.

    A bucket is kept as the moment when it will be full again: one number, and none once it is full.
    """

    def __init__(self, rates: Mapping[str, Rate], clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = dict(rates)
        self._default = self._rates.pop(DEFAULT, None)
        self._clock = clock
        self._full_at: dict[tuple[str, str], float] = {}
        self._room = _KEPT_BUCKETS
        self._lock = Lock()

    @classmethod
    def load(cls, choice: str, operations: Collection[str], clock: Callable[[], float] = time.monotonic) -> RateLimiter:
        """The rates of the setting: "off", "aws" (Rekognition's defaults), or the path of a TOML file.

        `operations` are the names that a file may hold. Raises SettingsError, naming the file and the key, for what is
        not right.
        """
        if choice == "off":
            return cls({}, clock)
        if choice == "aws":
            text = resources.files("regard.edge").joinpath("rates.toml").read_text(encoding="utf-8")
            return cls(_rates(text, "rates.toml", operations), clock)
        file = Path(choice).expanduser()
        try:
            text = text_of(file)
        except FileNotFoundError as error:
            raise SettingsError(
                f"[server] rates is {choice!r}; it must be 'off', 'aws', or a file, and there is no such file."
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file}, the file of rates, cannot be read: {error}") from error
        return cls(_rates(text, str(file), operations), clock)

    def check(self, principal: Principal, operation: str) -> None:
        """Count one request. Raises ProvisionedThroughputExceeded if this key has none left for the operation."""
        rate = self._rates.get(operation, self._default)
        if rate is None:
            return
        key = (principal.access_key_id, operation)
        with self._lock:
            now = self._clock()
            full_at = max(now, self._full_at.get(key, now))
            # So much is missing from a full bucket that not one whole request is left.
            if (full_at - now - _ROUNDING_SECONDS) * rate.rate > rate.burst - 1:
                raise ProvisionedThroughputExceeded(
                    f"Provisioned Rate exceeded. {operation} is limited to {rate.rate:g} requests a second for "
                    "each access key."
                )
            self._full_at[key] = full_at + 1 / rate.rate
            if len(self._full_at) > self._room:
                self._forget(now)

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full. Looking again only at twice what is left keeps that rare."""
        self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        self._room = max(_KEPT_BUCKETS, 2 * len(self._full_at))


def _rates(text: str, where: str, operations: Collection[str]) -> dict[str, Rate]:
    """The rates of a TOML text; `where` is its name for messages. Raises SettingsError."""
    tables = parse(text, where)
    for name in tables:
        if name != DEFAULT and name not in operations:
            near = get_close_matches(name, [DEFAULT, *operations], n=1)
            guess = f"did you mean {near[0]}?" if near else f"name operations of AWS's, or {DEFAULT!r} for all others"
            raise SettingsError(f"{where}: {name} is not an operation; {guess}")
    return read(dict[str, Rate], tables, where)
