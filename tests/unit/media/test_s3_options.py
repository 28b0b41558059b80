from __future__ import annotations

from typing import Any

import pytest

from regard.errors import SettingsError
from regard.media.s3_blobs import S3Options


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        *[
            ({"endpoint": url}, "s3_endpoint must be")
            for url in (
                *("", "127.0.0.1:9000", "s3.example.org", "//s3.example.org", "ftp://s3.example.org", "AWS"),
                *("https://", "https://:9000", "http://s3:99999", "http://[::1", "http://my_store", "http://a b"),
                *("https://me:hush-hush@s3.example.org", "https://s3.example.org?x=1", "https://s3.example.org#x"),
            )
        ],
        ({"secret_access_key": None}, "s3_secret_access_key is not set"),
        ({"access_key_id": None}, "s3_access_key_id is not set"),
        ({"region": "eu west"}, "s3_region is 'eu west'"),
    ],
)
def test_settings_that_cannot_be_meant_say_what_to_set(wrong: dict[str, Any], said: str) -> None:
    sound: dict[str, Any] = {"region": "us-east-1", "access_key_id": "k", "secret_access_key": "hush-hush"}
    with pytest.raises(SettingsError, match=said) as caught:
        S3Options(**({"endpoint": "http://127.0.0.1:9000"} | sound | wrong))
    assert "hush-hush" not in caught.value.message


@pytest.mark.parametrize(
    "endpoint", ["aws", "http://127.0.0.1:9000", "http://[::1]:9000", "https://s3.example.org/prefix", "http://minio"]
)
def test_settings_of_every_usual_kind_are_taken(endpoint: str) -> None:
    options = S3Options(endpoint=endpoint, region="eu-central-1", access_key_id="k", secret_access_key="hush-hush")
    assert "hush-hush" not in repr(options)
