"""Temporary credentials: asked for by each client's STS half at the same endpoint, and used by the other half."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from live_server import Live

from .drivers import Driver

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/analyst"


def session(driver: Driver, name: str) -> dict[str, Any]:
    """Credentials for a quarter of an hour, the shortest that clients may ask for."""
    answer = driver.pointed(service="sts").call("AssumeRole", RoleArn=ROLE, RoleSessionName=name, DurationSeconds=900)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/analyst/{name}"
    credentials: dict[str, Any] = answer["Credentials"]
    return credentials


def carrying(driver: Driver, given: dict[str, Any]) -> Driver:
    return driver.pointed(key=given["AccessKeyId"], secret=given["SecretAccessKey"], token=given["SessionToken"])


def test_everybody_can_ask_who_they_are(driver: Driver) -> None:
    identity = driver.pointed(service="sts").call("GetCallerIdentity")
    assert identity["Account"] == ACCOUNT
    assert identity["UserId"]
    assert identity["Arn"].startswith(f"arn:aws:iam::{ACCOUNT}:")


def test_a_session_opens_what_its_maker_may_open(driver: Driver, collection: str) -> None:
    given = session(driver, "ada")
    assert abs(given["Expiration"] - datetime.now(UTC) - timedelta(minutes=15)) < timedelta(minutes=1)
    visitor = carrying(driver, given)
    assert collection in visitor.call("ListCollections")["CollectionIds"]
    identity = visitor.pointed(service="sts").call("GetCallerIdentity")
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/analyst/ada"


def test_a_session_needs_its_token_and_the_key_it_came_from(driver: Driver, live: Live) -> None:
    key, secret = live.engine.access_keys.create("leaver")
    given = session(driver.pointed(key=key, secret=secret), "eve")
    visitor = carrying(driver, given)
    visitor.call("ListCollections")
    assert visitor.pointed(token=None).refused("ListCollections").code == "UnrecognizedClientException"
    live.engine.access_keys.revoke(key)
    assert visitor.refused("ListCollections").code == "UnrecognizedClientException"


def test_what_sts_refuses_is_reported_as_its_error(driver: Driver) -> None:
    stranger = driver.pointed(service="sts", key="AKIAIOSFODNN7EXAMPLE")
    assert stranger.refused("GetCallerIdentity").code == "InvalidClientTokenId"
