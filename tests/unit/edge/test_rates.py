from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from regard.domain.callers import Principal
from regard.edge.rates import Rate, RateLimiter
from regard.errors import ProvisionedThroughputExceeded, SettingsError
from regard.wire.schema import VERSIONS, load

OPERATIONS = {name for service in VERSIONS for name in load(service).operations}
ADA, GRACE = (Principal(access_key_id=f"AKIA{name}", name=name) for name in ("ada", "grace"))


class Clock:
    """A clock that a test moves by hand; it starts far from 0, where sums of floats are least exact."""

    def __init__(self) -> None:
        self.now = 1e7

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def passed(limiter: RateLimiter, tries: int, operation: str = "DetectFaces", principal: Principal = ADA) -> int:
    """How many of so many requests at once are let through."""
    count = 0
    for _ in range(tries):
        try:
            limiter.check(principal, operation)
            count += 1
        except ProvisionedThroughputExceeded:
            pass
    return count


def in_a_file(folder: Path, text: str, clock: Clock | None = None) -> RateLimiter:
    file = folder / "rates.toml"
    file.write_text(text)
    return RateLimiter.load(str(file), OPERATIONS, clock or Clock())


# -- the buckets ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "at_once"), [(1, 1), (3, 3), (5, 5), (7.5, 7), (0.2, 1), (100, 100)])
def test_as_many_pass_at_once_as_a_second_has_and_at_least_one(
    tmp_path: Path, clock: Clock, rate: float, at_once: int
) -> None:
    limiter = in_a_file(tmp_path, f"DetectFaces = {rate}", clock)
    assert passed(limiter, 200) == at_once
    clock.now += 3600
    assert passed(limiter, 200) == at_once


def test_in_the_long_run_the_rate_is_kept_whatever_the_pace_of_asking(clock: Clock) -> None:
    limiter = RateLimiter({"DetectFaces": Rate(rate=5, burst=5)}, clock)
    count = 0
    for _ in range(1000):
        clock.now += 0.01
        count += passed(limiter, 3)
    assert count == pytest.approx(5 + 10 * 5, abs=1)


def test_a_request_that_is_turned_away_costs_nothing(clock: Clock) -> None:
    limiter = RateLimiter({"DetectFaces": Rate(rate=2, burst=2)}, clock)
    assert passed(limiter, 1000) == 2
    clock.now += 0.5
    assert passed(limiter, 1) == 1


def test_keys_and_operations_do_not_share_a_bucket(clock: Clock) -> None:
    limiter = RateLimiter({name: Rate(rate=2, burst=2) for name in ("DetectFaces", "IndexFaces")}, clock)
    assert passed(limiter, 9) == 2
    assert passed(limiter, 9, "IndexFaces") == 2
    assert passed(limiter, 9, principal=GRACE) == 2


def test_the_refusal_names_the_operation_and_its_rate(clock: Clock) -> None:
    limiter = RateLimiter({"DetectFaces": Rate(rate=0.5, burst=1)}, clock)
    limiter.check(ADA, "DetectFaces")
    with pytest.raises(ProvisionedThroughputExceeded, match=r"^Provisioned Rate exceeded\. DetectFaces .* 0\.5 req"):
        limiter.check(ADA, "DetectFaces")


def test_the_buckets_of_those_who_ask_no_more_are_forgotten(clock: Clock) -> None:
    limiter = RateLimiter({"DetectFaces": Rate(rate=10, burst=10)}, clock)
    most = 0
    for number in range(20_000):
        clock.now += 0.001
        limiter.check(Principal(access_key_id=f"AKIA{number}", name="n"), "DetectFaces")
        most = max(most, len(limiter._full_at))
    assert most <= 1025


def test_forgetting_gives_nobody_a_request_more(clock: Clock) -> None:
    limiter = RateLimiter({"DetectFaces": Rate(rate=10, burst=10)}, clock)
    assert passed(limiter, 10) == 10
    for number in range(5000):
        limiter.check(Principal(access_key_id=f"AKIA{number}", name="n"), "DetectFaces")
    assert passed(limiter, 10) == 0


def test_threads_share_a_bucket_exactly() -> None:
    limiter = RateLimiter({"DetectFaces": Rate(rate=0.001, burst=1000)})
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: passed(limiter, 500), range(8))) == 1000


# -- the file ------------------------------------------------------------------------------------------------------


def test_off_is_no_limit() -> None:
    assert passed(RateLimiter.load("off", OPERATIONS), 1000) == 1000


def test_awss_rates_are_rekognitions_in_us_east_1(clock: Clock) -> None:
    limiter = RateLimiter.load("aws", OPERATIONS, clock)
    rates = {"DetectFaces": 100, "IndexFaces": 50, "GetFaceSearch": 20, "TagResource": 10, "CreateUser": 5}
    rates |= {"StopStreamProcessor": 1, "CreateFaceLivenessSession": 25, "CreateDataset": 5}
    assert {name: passed(limiter, 200, name) for name in rates} == rates


def test_every_name_in_awss_file_is_an_operation_and_each_group_is_whole() -> None:
    schema = load()
    named = set(RateLimiter.load("aws", OPERATIONS)._rates)
    assert named - set(schema.operations) == {"AssumeRole", "GetCallerIdentity"} <= set(load("sts").operations)
    groups = ("Collection", "Collections", "User", "Users", "Faces", "StreamProcessor", "Resource", "FacesByImage")
    assert {name for name in schema.operations if name.endswith(groups)} <= named
    # Listed with the video operations' rates; training and projects are not.
    assert {name for name in schema.operations if name.startswith("Start")} - named == {"StartProjectVersion"}


def test_a_file_of_ones_own_has_rates_bursts_and_a_default(tmp_path: Path, clock: Clock) -> None:
    text = "default = 3\nDetectFaces = 2.5\nIndexFaces = { rate = 1, burst = 20 }\nListFaces.rate = 4\n"
    limiter = in_a_file(tmp_path, text, clock)
    wanted = {"DetectFaces": 2, "IndexFaces": 20, "ListFaces": 4, "CompareFaces": 3}
    assert {name: passed(limiter, 99, name) for name in wanted} == wanted


def test_without_a_default_what_is_not_named_is_free(tmp_path: Path, clock: Clock) -> None:
    assert passed(in_a_file(tmp_path, "DetectFaces = 1", clock), 99, "CompareFaces") == 99


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("DetectFace = 5", "DetectFace is not an operation; did you mean DetectFaces?"),
        ("Juggle = 5", "Juggle is not an operation; name operations of AWS's, or 'default' for all others"),
        ("DetectFaces = 0", "DetectFaces.rate is 0; it must be above 0"),
        ("DetectFaces = -1.5", "DetectFaces.rate is -1.5; it must be above 0"),
        ("DetectFaces = 1_000_001", "DetectFaces.rate is 1000001; it must be at most 1,000,000"),
        ("DetectFaces = inf", "DetectFaces.rate is inf; it must be a finite number"),
        ("DetectFaces = nan", "DetectFaces.rate is nan; it must be a finite number"),
        (f"DetectFaces = {10**400}", "DetectFaces.rate is 1000"),
        ("DetectFaces = true", "DetectFaces.rate is True; it must be a number"),
        ('DetectFaces = "5"', "DetectFaces.rate is '5'; it must be a number"),
        ("default = 0", "default.rate is 0; it must be above 0"),
        ("DetectFaces = { burst = 5 }", "DetectFaces.rate is missing"),
        ("DetectFaces = { rate = 5, burst = 0.5 }", "DetectFaces.burst is 0.5; it must be at least 1"),
        ("DetectFaces = { rate = 5, bust = 5 }", "DetectFaces.bust is not a key here; did you mean burst?"),
        ("DetectFaces = ", "is not valid TOML: "),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        in_a_file(tmp_path, text)
    assert caught.value.message.startswith(str(tmp_path / "rates.toml"))
    assert said in caught.value.message


def test_a_file_that_is_not_there_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"\[server\] rates is 'on'; it must be 'off', 'aws', or a file, and there is"
    ):
        RateLimiter.load("on", OPERATIONS)
    with pytest.raises(SettingsError, match="cannot be read: "):
        RateLimiter.load(str(tmp_path), OPERATIONS)
    (tmp_path / "noise.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"noise\.toml, the file of rates, cannot be read: "):
        RateLimiter.load(str(tmp_path / "noise.toml"), OPERATIONS)
