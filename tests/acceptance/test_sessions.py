"""Temporary credentials, as real clients take them on and use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from live_server import Live, serving

from regard.accountability.secret_box import SecretBox
from regard.accountability.temporary_credentials import TemporaryCredentials
from regard.bootstrap.engine import open_engine
from regard.config.settings import load_settings
from regard.domain.callers import Principal

Refused = Callable[..., tuple[str, str]]

ACCOUNT, REGION = "123456789012", "eu-west-1"
AUDITOR = f"arn:aws:iam::{ACCOUNT}:role/auditor"


@pytest.fixture(scope="module")
def server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("home")
    settings = load_settings({}, home=home, models={"folder": models}, server={"account_id": ACCOUNT, "region": REGION})
    with open_engine(settings) as engine, serving(engine) as result:
        yield result


class Caller:
    """Clients that sign with one set of credentials."""

    def __init__(self, server: Live, key: str, secret: str, token: str | None = None) -> None:
        self._server = server
        self._options = {
            "aws_access_key_id": key,
            "aws_secret_access_key": secret,
            "aws_session_token": token,
            "config": Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        }

    def client(self, service: str, region: str = REGION) -> Any:
        made = boto3.client(service, endpoint_url=self._server.url, region_name=region, **self._options)
        self._server.clients.callback(made.close)
        return made

    def assume(self, **given: Any) -> tuple[Caller, dict[str, Any]]:
        wanted = {"RoleArn": AUDITOR, "RoleSessionName": "monday"} | given
        response = self.client("sts").assume_role(**wanted)
        taken = response["Credentials"]
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        return Caller(self._server, *(taken[name] for name in names)), response


@pytest.fixture
def caller(server: Live) -> Caller:
    return Caller(server, server.key, server.secret)


def identity(caller: Caller) -> tuple[str, str, str]:
    response = caller.client("sts").get_caller_identity()
    return response["Account"], response["UserId"], response["Arn"]


def test_a_lasting_key_is_a_user(server: Live, caller: Caller) -> None:
    assert identity(caller) == (ACCOUNT, server.key, f"arn:aws:iam::{ACCOUNT}:user/tester")


@pytest.mark.parametrize(
    ("name", "shown"),
    [("ann.lee@x", "ann.lee@x"), ("front desk/é:%", "front%20desk%2F%C3%A9%3A%25"), ("<&>", "%3C%26%3E")],
)
def test_a_key_of_any_name_has_an_arn(server: Live, name: str, shown: str) -> None:
    assert identity(Caller(server, *server.engine.access_keys.create(name)))[2].endswith(f":user/{shown}")


def test_a_session_works_as_its_key_does_and_goes_by_its_own_name(caller: Caller) -> None:
    session, response = caller.assume(DurationSeconds=900, ExternalId="anything")
    taken, user = response["Credentials"], response["AssumedRoleUser"]
    left = taken["Expiration"] - datetime.now(UTC)
    assert timedelta(seconds=890) < left <= timedelta(seconds=900)
    assert taken["AccessKeyId"].startswith("RGRT")
    session.client("rekognition").create_collection(CollectionId="theirs")
    assert caller.client("rekognition").list_collections()["CollectionIds"] == ["theirs"]
    session.client("rekognition").delete_collection(CollectionId="theirs")
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/monday"
    assert identity(session) == (ACCOUNT, user["AssumedRoleId"], arn)
    assert user["Arn"] == arn
    assert user["AssumedRoleId"].endswith(":monday")


def test_a_session_lasts_an_hour_unless_told_and_twelve_at_most(caller: Caller, refused: Refused) -> None:
    for given, seconds in (({}, 3600), ({"DurationSeconds": 43200}, 43200)):
        expires = caller.assume(**given)[1]["Credentials"]["Expiration"]
        assert abs((expires - datetime.now(UTC)).total_seconds() - seconds) < 10
    for seconds in (899, 43201):
        assert refused(caller.assume, DurationSeconds=seconds)[0] == "ValidationError"


@pytest.mark.parametrize("path", ["team/one", "aws-reserved/sso.amazonaws.com/eu-west-1", "..a", "x" * 510])
def test_a_role_may_have_a_path(caller: Caller, path: str) -> None:
    session, _ = caller.assume(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{path}/clerk")
    assert identity(session)[2] == f"arn:aws:sts::{ACCOUNT}:assumed-role/clerk/monday"


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::000000000000:role/auditor",
        f"arn:aws:iam::{ACCOUNT}:user/auditor",
        f"arn:aws:iam::{ACCOUNT}:role/",
        f"arn:aws:iam::{ACCOUNT}:role/a b",
        f"arn:aws:iam::{ACCOUNT}:role/{'x' * 65}",
        f"arn:aws:iam::{ACCOUNT}:role/auditor\n",
        f"arn:aws:iam::{ACCOUNT}:role/../auditor",
        f"arn:aws:iam::{ACCOUNT}:role/team/../auditor",
        f"arn:aws:iam::{ACCOUNT}:role/./auditor",
        f"arn:aws:iam::{ACCOUNT}:role/..",
        f"arn:aws:iam::{ACCOUNT}:role/team/.",
        f"arn:aws:iam::{ACCOUNT}:role//auditor",
        f"arn:aws:iam::{ACCOUNT}:role/team//auditor",
        f"arn:aws:iam::{ACCOUNT}:role/auditor/",
        f"arn:aws:iam::{ACCOUNT}:role/%2e%2e/auditor",
        f"arn:aws:iam::{ACCOUNT}:role/team\\one/auditor",
        f"arn:aws:iam::{ACCOUNT}:role/*/auditor",
        f"arn:aws:iam::{ACCOUNT}:role/{'x' * 511}/auditor",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/monday",
    ],
)
def test_what_is_no_role_of_this_account_cannot_be_taken_on(caller: Caller, refused: Refused, arn: str) -> None:
    code, message = refused(caller.assume, RoleArn=arn)
    assert code == "AccessDenied"
    assert f"arn:aws:iam::{ACCOUNT}:user/tester is not authorized to perform: sts:AssumeRole" in message
    assert f"arn:aws:iam::{ACCOUNT}:role/NAME" in message


@pytest.mark.parametrize(
    "given",
    [
        {"Policy": '{"Version":"2012-10-17","Statement":[]}'},
        {"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]},
        {"Tags": [{"Key": "case", "Value": "42"}]},
        {"TransitiveTagKeys": ["case"]},
        {"SourceIdentity": "ada"},
        {"SerialNumber": "GAHT12345678", "TokenCode": "123456"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_what_would_narrow_a_session_or_say_more_of_it_is_refused_not_ignored(
    caller: Caller, refused: Refused, given: dict[str, Any]
) -> None:
    code, message = refused(caller.assume, **given)
    assert (code, message) == ("ValidationError", f"This server does not provide {', '.join(given)} for sessions yet.")


def test_other_operations_of_the_service_say_that_they_are_not_provided(caller: Caller, refused: Refused) -> None:
    assert refused(caller.client("sts").get_session_token) == (
        "AccessDenied",
        "This server does not provide GetSessionToken yet.",
    )


def test_a_session_takes_on_another_for_no_longer_than_it_has_left(caller: Caller, refused: Refused) -> None:
    first, response = caller.assume(DurationSeconds=900)
    clerk = f"arn:aws:iam::{ACCOUNT}:role/clerk"
    second, chained = first.assume(RoleArn=clerk, RoleSessionName="tuesday", DurationSeconds=3600)
    assert chained["Credentials"]["Expiration"] == response["Credentials"]["Expiration"]
    assert identity(second)[2] == f"arn:aws:sts::{ACCOUNT}:assumed-role/clerk/tuesday"
    assert second.client("rekognition").list_collections()["CollectionIds"] == []
    code, message = refused(first.assume, RoleArn=clerk, DurationSeconds=3601)
    assert code == "ValidationError"
    assert message.endswith("1 hour session limit for roles assumed by role chaining")


def test_an_expired_session_says_so_in_both_protocols(server: Live, refused: Refused) -> None:
    past = TemporaryCredentials(
        SecretBox(server.engine.settings.home / "seal.key"), lambda: datetime.now(UTC) - timedelta(minutes=16)
    )
    holder = Principal(access_key_id=server.key, name="tester")
    key, token = past.issue(holder, role="auditor", name="monday", lasting=timedelta(minutes=15))
    late = Caller(server, key.temporary_credential.access_key_id, key.secret, token)
    words = "The security token included in the request is expired"
    assert refused(late.client("rekognition").list_collections) == ("ExpiredTokenException", words)
    assert refused(late.client("sts").get_caller_identity) == ("ExpiredToken", words)


@pytest.mark.slow
def test_credentials_that_do_not_belong_together_are_a_strangers(
    server: Live, caller: Caller, refused: Refused
) -> None:
    _, response = caller.assume()
    taken = response["Credentials"]
    key, secret, token = (taken[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    another = caller.assume()[1]["Credentials"]
    swapped = "A" if token[40] != "A" else "B"
    for strange in (
        Caller(server, key, secret),
        Caller(server, key, secret, token[:40] + swapped + token[41:]),
        Caller(server, key, secret, another["SessionToken"]),
        Caller(server, server.key, server.secret, token),
    ):
        assert refused(strange.client("rekognition").list_collections)[0] == "UnrecognizedClientException"
        assert refused(strange.client("sts").get_caller_identity)[0] == "InvalidClientTokenId"
    wrong = Caller(server, key, another["SecretAccessKey"], token)
    assert refused(wrong.client("rekognition").list_collections)[0] == "InvalidSignatureException"
    assert refused(wrong.client("sts").get_caller_identity)[0] == "SignatureDoesNotMatch"


def test_a_revoked_key_takes_its_sessions_with_it(server: Live, refused: Refused) -> None:
    key, secret = server.engine.access_keys.create("leaver")
    session, _ = Caller(server, key, secret).assume(DurationSeconds=43200)
    client = session.client("rekognition")
    client.list_collections()
    server.engine.access_keys.revoke(key)
    assert refused(client.list_collections)[0] == "UnrecognizedClientException"


def test_a_client_of_the_global_endpoint_may_sign_for_us_east_1_and_only_for_sts(
    caller: Caller, refused: Refused
) -> None:
    assert caller.client("sts", region="us-east-1").get_caller_identity()["Account"] == ACCOUNT
    assert refused(caller.client("sts", region="us-west-2").get_caller_identity)[0] == "SignatureDoesNotMatch"
    strayed = caller.client("rekognition", region="us-east-1")
    assert refused(strayed.list_collections)[0] == "InvalidSignatureException"


def test_a_profile_with_a_role_works_unmodified(server: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text(
        f"[desk]\naws_access_key_id = {server.key}\naws_secret_access_key = {server.secret}\n"
    )
    (tmp_path / "config").write_text(
        f"[profile audit]\nrole_arn = {AUDITOR}\nsource_profile = desk\nrole_session_name = from-a-profile\n"
        f"region = {REGION}\nendpoint_url = {server.url}\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    session = boto3.Session(profile_name="audit")
    rekognition, sts = session.client("rekognition"), session.client("sts")
    assert rekognition.list_collections()["CollectionIds"] == []
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/from-a-profile"
    assert session.get_credentials().access_key.startswith("RGRT")
    rekognition.close()
    sts.close()


def test_boto3_raises_the_services_own_exceptions(caller: Caller) -> None:
    with pytest.raises(ClientError) as caught:
        caller.client("sts").get_access_key_info(AccessKeyId="x" * 16)
    metadata = caught.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], caught.value.response["Error"]["Type"]) == (403, "Sender")
    assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amzn-requestid"]
