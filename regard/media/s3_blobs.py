"""Objects of an S3-compatible store, through botocore's own client: its signatures, credentials, retries and errors."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import is_valid_uri, validate_region_name

from regard.domain.buckets import ListedObject, ObjectPage
from regard.domain.jobs import StoredObject
from regard.errors import ImageTooLarge, InternalServerError, InvalidS3Object, SettingsError
from regard.media.blobs import ObjectReplaced, checked, too_large
from regard.media.ranged_reader import RangedReader

#: The endpoint that means AWS itself.
AWS = "aws"

#: The service model's characters, less what would lead astray: a name of dots is a step in a path, and for the endings
#: that S3 reserves ("Bucket naming rules") botocore asks another host.
_BUCKET = re.compile(r"(?!.*--[a-z]+-s3$)[0-9A-Za-z][0-9A-Za-z._-]{1,253}[0-9A-Za-z]")

#: One more try after a failed one: a client whose SDK tries again as well should not wait for minutes.
_ATTEMPTS = 2
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500
#: The object does not match any more: its ETag, or the range that it had.
_GONE = frozenset({412, 416})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """Which store, and how patiently; the first four are the settings `s3_*`.

    `connections` are kept open between reads. `read_seconds` bounds a silence, at the start of an answer or in it.
    Raises SettingsError for values that cannot be meant.
    """

    endpoint: str
    region: str
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    connections: int = 10
    connect_seconds: float = 3
    read_seconds: float = 10

    def __post_init__(self) -> None:
        if self.endpoint != AWS and not _is_endpoint(self.endpoint):
            # Not shown: there may be a secret in it.
            raise SettingsError(
                's3_endpoint must be "aws" or the URL of a store, such as https://s3.example.org:9000, without a name, '
                "a password or a query in it."
            )
        if (self.access_key_id is None) != (self.secret_access_key is None):
            lacking = "s3_secret_access_key" if self.access_key_id is not None else "s3_access_key_id"
            raise SettingsError(f"{lacking} is not set, but its counterpart is. Set both, or neither.")
        try:
            validate_region_name(self.region)
        except BotoCoreError as error:
            raise SettingsError(f"s3_region is {self.region!r}, which is not a Region; us-east-1 is one.") from error


class S3Store:
    """The buckets of one S3-compatible store. Safe for threads; connects when first asked."""

    def __init__(self, options: S3Options) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._connected: Any = None

    def read(self, bucket: str, name: str, version: str | None, *, limit: int) -> bytes:
        """As BlobStore; and InternalServerError if the store does not answer, or breaks off: the request is not at
        fault then, and an SDK tries again.
        """
        with self._asked(bucket, name):
            answer = self._client().get_object(**_wanted(bucket, name, version))
            with closing(answer["Body"]):
                return _content(answer, limit)

    def head(self, bucket: str, name: str, version: str | None) -> StoredObject:
        """As BlobStore; and InternalServerError as `read`."""
        with self._asked(bucket, name):
            answer = self._client().head_object(**_wanted(bucket, name, version))
        return StoredObject(
            bucket=bucket, name=name, version=version, etag=answer.get("ETag", ""), size=answer["ContentLength"]
        )

    def write(self, bucket: str, name: str, content: bytes) -> None:
        """As BlobWriter; and InternalServerError as `read`."""
        with self._asked(bucket, name):
            self._client().put_object(**_wanted(bucket, name, None), Body=content)

    def buckets(self) -> list[str]:
        """As BlobLister: none where the key is meant for objects alone. Raises InternalServerError as `read`."""
        try:
            with self._asked("", ""):
                return sorted(each["Name"] for each in self._client().list_buckets().get("Buckets", ()))
        except InvalidS3Object:
            return []

    def page(self, bucket: str, prefix: str, after: str, most: int) -> ObjectPage:
        """As BlobLister; and InternalServerError as `read`."""
        wanted = {"Bucket": _checked_bucket(bucket), "Prefix": prefix, "Delimiter": "/", "MaxKeys": most}
        with self._asked(bucket, prefix):
            answer = self._client().list_objects_v2(**wanted | ({"ContinuationToken": after} if after else {}))
        found = [
            ListedObject(name=each["Key"], size=each["Size"], changed_at=each["LastModified"])
            for each in answer.get("Contents", ())
            if not each["Key"].endswith("/")  # what stands for a folder, and is empty
        ]
        folders = [each["Prefix"] for each in answer.get("CommonPrefixes", ())]
        return ObjectPage(folders=folders, objects=found, next=answer.get("NextContinuationToken"))

    def open(self, stored: StoredObject) -> RangedReader:
        """As BlobStore; and InternalServerError as `read`, then or later."""
        wanted = _wanted(stored.bucket, stored.name, stored.version) | ({"IfMatch": stored.etag} if stored.etag else {})

        def fetch(start: int, stop: int) -> bytes:
            with self._asked(stored.bucket, stored.name):
                answer = self._client().get_object(**wanted, Range=f"bytes={start}-{stop - 1}")
                with closing(answer["Body"]):
                    # A store that ignores the condition or the range would mix two objects.
                    if answer.get("ETag", "") != stored.etag or answer["ContentLength"] != stop - start:
                        raise ObjectReplaced
                    found: bytes = answer["Body"].read()
                    return found

        try:
            return checked(RangedReader(fetch, stored.size))
        except InvalidS3Object as error:
            raise ObjectReplaced from error

    @contextmanager
    def _asked(self, bucket: str, name: str) -> Iterator[None]:
        """Botocore's errors, as this store's."""
        try:
            yield
        except UnicodeEncodeError as error:
            raise InvalidS3Object from error  # no URL can hold it
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            log.warning("S3 at %s refused %s/%r: %s", self._options.endpoint, bucket, name, _said(error))
            if status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
                raise InternalServerError(public=_FAULT) from error
            if status in _GONE:
                raise ObjectReplaced from error
            raise InvalidS3Object from error
        except BotoCoreError as error:
            log.error("S3 at %s did not deliver %s/%r: %s", self._options.endpoint, bucket, name, error)
            raise InternalServerError(public=_FAULT) from error

    def trouble(self) -> str | None:
        """What keeps the store from being used, in words; None if it answers and knows the key."""
        try:
            self._client().list_buckets()
        except ClientError as error:
            # A key may well be meant for objects alone.
            return None if error.response["Error"]["Code"] == "AccessDenied" else f"It answers {_said(error)}."
        except BotoCoreError as error:
            return str(error)
        return None

    def _client(self) -> Any:
        with self._lock:  # a session is not safe for threads, a client is
            if self._connected is None:
                self._connected = self._connect()
            return self._connected

    def _connect(self) -> Any:
        options = self._options
        return botocore.session.Session().create_client(
            "s3",
            region_name=options.region,
            endpoint_url=None if options.endpoint == AWS else options.endpoint,
            aws_access_key_id=options.access_key_id,
            aws_secret_access_key=options.secret_access_key,
            config=Config(
                # The bucket in the path for a store of one's own; for AWS in the host name, unless it has a dot, which
                # the certificate does not cover. Said, so that no profile says otherwise.
                s3={"addressing_style": "auto"},
                connect_timeout=options.connect_seconds,
                read_timeout=options.read_seconds,
                retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                max_pool_connections=options.connections,
                # AWS_ENDPOINT_URL is there for clients of this server; it must not lead this one astray.
                ignore_configured_endpoint_urls=True,
            ),
        )


_FAULT = "The S3 store did not deliver the object. Try your call again."


def _wanted(bucket: str, name: str, version: str | None) -> dict[str, str]:
    """How S3 is asked for it. Raises InvalidS3Object for what would lead astray."""
    if not name or not {".", ".."}.isdisjoint(name.split("/")):
        raise InvalidS3Object
    return {"Bucket": _checked_bucket(bucket), "Key": name} | ({} if version is None else {"VersionId": version})


def _checked_bucket(name: str) -> str:
    """Raises InvalidS3Object for a name that would lead astray."""
    if not _BUCKET.fullmatch(name):
        raise InvalidS3Object
    return name


def _content(answer: Any, limit: int) -> bytes:
    size = answer.get("ContentLength")
    if size is not None and size > limit:
        raise too_large(size, limit)
    data: bytes = answer["Body"].read(limit + 1)
    if len(data) > limit:
        raise ImageTooLarge
    # Nothing is left; at the end botocore compares the length, and the checksum if the store has one.
    answer["Body"].read()
    return data


def _said(error: ClientError) -> str:
    """S3's own words, on one line whatever they are."""
    words, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return repr(f"{words.get('Code')} ({status}): {words.get('Message')}")


def _is_endpoint(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
        valid = is_valid_uri(text)
    except ValueError:  # brackets or a port that are not valid
        return False
    plain = "@" not in parts.netloc and not parts.query and not parts.fragment
    return bool(valid) and plain and parts.scheme in ("http", "https")
