"""What the server refuses, as each client reports it: AWS's code, a message, and no retries."""

from __future__ import annotations

from .drivers import Driver


def test_a_value_that_only_the_server_checks_is_refused(driver: Driver, collection: str) -> None:
    fault = driver.refused("ListFaces", CollectionId=collection, MaxResults=4097)
    assert (fault.code, fault.retries) == ("ValidationException", 0)
    assert "'4097' at 'maxResults' failed to satisfy constraint" in fault.message
    assert driver.refused("DescribeCollection", CollectionId="a b").code == "ValidationException"


def test_a_wrong_secret_is_told_from_an_unknown_key(driver: Driver) -> None:
    guesser, stranger = driver.pointed(secret="not the secret"), driver.pointed(key="AKIAIOSFODNN7EXAMPLE")
    assert guesser.refused("ListCollections").code == "InvalidSignatureException"
    assert stranger.refused("ListCollections").code == "UnrecognizedClientException"


def test_a_session_token_that_nobody_gave_is_refused(driver: Driver) -> None:
    assert driver.pointed(token="nobody's").refused("ListCollections").code == "UnrecognizedClientException"


def test_the_region_to_use_is_told(driver: Driver) -> None:
    fault = driver.pointed(region="eu-west-1").refused("ListCollections")
    assert fault.code == "InvalidSignatureException"
    assert "'us-east-1'" in fault.message


def test_an_operation_that_is_not_built_says_so_at_once(driver: Driver) -> None:
    fault = driver.refused("DescribeProjects")
    assert (fault.code, fault.retries) == ("AccessDeniedException", 0)
    assert fault.message == "This server does not provide DescribeProjects yet."
