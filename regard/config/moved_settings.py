"""The settings of version 0.1, which had no sections, and where each is now."""

from __future__ import annotations

from collections.abc import Mapping

#: (section, key) by the old name.
MOVED: Mapping[str, tuple[str, str]] = {
    "host": ("server", "host"),
    "port": ("server", "port"),
    "region": ("server", "region"),
    "account_id": ("server", "account_id"),
    "model_dir": ("models", "folder"),
    "model_mirror": ("models", "mirror"),
    "bucket_dir": ("objects", "buckets"),
    "database": ("store", "database"),
    "index": ("index", "default"),
    "milvus": ("index", "milvus"),
    "milvus_token": ("index", "milvus_token"),
    "s3_endpoint": ("objects", "s3_endpoint"),
    "s3_region": ("objects", "s3_region"),
    "s3_access_key_id": ("objects", "s3_access_key_id"),
    "s3_secret_access_key": ("objects", "s3_secret_access_key"),
    "tls_certificate": ("server", "tls_certificate"),
    "tls_key": ("server", "tls_key"),
    "quotas": ("server", "rates"),
    "queue": ("server", "queue"),
    "log_format": ("telemetry", "log_format"),
    "otlp_endpoint": ("telemetry", "otlp_endpoint"),
    "detector": ("models", "detector"),
    "embedder": ("models", "embedder"),
    "threads": ("models", "threads"),
}
