"""The Security Token Service under forms nobody would send."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from botocore.parsers import create_parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .caller import Caller
from .conformity import INSIDE, PATIENCE
from .strategies import Headers, weighted

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
NAMES = st.sampled_from(
    [
        "RoleArn",
        "RoleSessionName",
        "DurationSeconds",
        "Policy",
        "PolicyArns.member.1.arn",
        "Tags.member.1.Key",
        "Tags.member.1.Value",
        "Tags.member.01",
        "Tags",
        "RoleArn.member",
        "." * 50,
    ]
)
VALUES = st.one_of(
    st.sampled_from(["arn:aws:iam::000000000000:role/reader", "ann", "900", "-1", "1e3", "9" * 5000, "", "\x00\ufffe"]),
    st.text(max_size=20),
)
FORMS = st.fixed_dictionaries(
    {
        "Action": weighted(
            (4, st.sampled_from(["AssumeRole", "GetCallerIdentity"])),
            (1, st.sampled_from(["GetSessionToken", "", "É"])),
        ),
        "Version": weighted((9, st.just("2011-06-15")), (1, st.text(max_size=5))),
    }
)
BODIES = weighted(
    (
        6,
        st.builds(
            lambda form, more: urlencode(form | more, errors="replace").encode(), FORMS, st.dictionaries(NAMES, VALUES)
        ),
    ),
    (1, st.binary(max_size=60)),
    (1, FORMS.map(lambda form: b"&".join([urlencode(form).encode()] * 2))),
)


@pytest.mark.slow
def test_no_form_makes_the_server_fail_or_break_its_word(caller: Caller) -> None:
    @settings(max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(BODIES)
    def send(body: bytes) -> None:
        answer = caller.post(body, Headers(before=FORM, signer="sts"))
        text = answer.body.decode()
        assert answer.status < 500, text
        assert answer.seconds < PATIENCE
        assert not INSIDE.search(text), text
        assert answer.headers["content-type"].startswith("text/xml")
        assert len(answer.headers["x-amzn-requestid"]) == 36
        if answer.status >= 400:
            response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
            error = create_parser("query").parse(response, None)["Error"]
            assert error["Code"].isalpha()
            assert len(error["Message"]) > 15

    send()
