"""Bulk image analysis: a job over the pictures that a manifest lists, a JSON object a line, each with a `source-ref`.

A chunk's `from_ms` and `to_ms` count lines here: a manifest has no time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.images import ObjectName
from regard.domain.jobs import Job, StoredObject
from regard.domain.moderation import ModerationLabel
from regard.engine.analysis.moderation_analyzer import Moderation
from regard.engine.jobs.task import Beat, ChunkResult, Found, Item, JobEnding, JobFailed, Part, Plan, Span
from regard.errors import (
    ImageTooLarge,
    InvalidImageFormat,
    InvalidManifest,
    InvalidParameter,
    InvalidS3Object,
    RegardError,
    ResourceNotReady,
)
from regard.media.blobs import Buckets

#: The kind of job.
MEDIA_ANALYSIS = "MEDIA_ANALYSIS"
#: The most pictures of a manifest (Rekognition, "Guidelines and quotas"), and its most bytes.
MOST_LINES = 10_000
MOST_MANIFEST_BYTES = 50 * 1024 * 1024
_CHUNK_LINES = 200

#: What a line's fault is called in the summary.
_CODES: dict[type[RegardError], str] = {
    InvalidS3Object: "INVALID_S3_OBJECT",
    InvalidImageFormat: "INVALID_IMAGE_FORMAT",
    ImageTooLarge: "IMAGE_TOO_LARGE",
    InvalidParameter: "INVALID_IMAGE",
    InvalidManifest: "INVALID_JSON_LINE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Where a job's results and the summary of its manifest are written."""

    bucket: str
    results: str
    summary: str

    @classmethod
    def of(cls, job_id: str, config: dict[str, Any]) -> Outputs:
        """From a request's OutputConfig."""
        prefix = config.get("S3KeyPrefix", "").rstrip("/")
        start = f"{prefix}/{job_id}" if prefix else job_id
        return cls(
            bucket=config["S3Bucket"], results=f"{start}-results.jsonl", summary=f"{start}-manifest-summary.json"
        )


class MediaAnalysis:
    """Judges the pictures of a manifest. The Task of bulk image analysis."""

    def __init__(self, blobs: Buckets, moderation: Moderation) -> None:
        self._blobs = blobs
        self._moderation = moderation

    def plan(self, job: Job, grant: Grant) -> Plan:
        """Raises JobFailed, its message beginning with one of AWS's codes."""
        grant.require(Action.DETECT)
        count = len(self._lines(job.object))
        try:
            version = self._moderation.version(grant)
        except ResourceNotReady as error:
            raise JobFailed(f"RESOURCE_NOT_READY: {error.message}") from error
        spans = [Span(from_ms=at, to_ms=min(at + _CHUNK_LINES, count)) for at in range(0, count, _CHUNK_LINES)]
        return Plan(spans=spans, metadata={"ModelVersion": version})

    def run(self, parts: Sequence[Part], beat: Beat) -> Sequence[ChunkResult | JobFailed]:
        """Each line as an item, with what was found or why nothing could be."""
        return [self._part(part, beat, number / len(parts), len(parts)) for number, part in enumerate(parts)]

    def finish(self, job: Job, found: Found) -> JobEnding:
        """Write the results and the summary. Raises JobFailed if they cannot be written."""
        outputs = Outputs.of(job.id, job.request["OutputConfig"])
        written = {
            outputs.results: b"".join(_encoded(each["Line"]) for each in found if "Line" in each),
            outputs.summary: _encoded(_summary(found)),
        }
        try:
            for name, content in written.items():
                self._blobs.write(outputs.bucket, name, content)
        except InvalidS3Object as error:
            raise JobFailed(
                f"INVALID_OUTPUT_CONFIG: nothing can be written to the bucket {outputs.bucket}. Make it, or let "
                "this server write to it, and start the job again."
            ) from error
        return JobEnding()

    def _part(self, part: Part, beat: Beat, before: float, parts: int) -> ChunkResult | JobFailed:
        try:
            lines = self._lines(part.job.object)[part.chunk.from_ms : part.chunk.to_ms]
        except JobFailed as error:
            return error
        items: list[Item] = []
        for number, line in enumerate(lines, part.chunk.from_ms + 1):
            items.append(self._item(part, number, line))
            beat(before + len(items) / len(lines) / parts)
        return ChunkResult(items=items, counts={"faults": sum("Fault" in each for each in items)})

    def _item(self, part: Part, number: int, line: str) -> Item:
        """What became of a line: with the picture's labels, or its fault."""
        source = ""
        try:
            said, source, picture = _parsed(line)
            least = part.job.request["MinConfidence"]
            found = self._moderation.detect(part.grant, picture, least)
        except tuple(_CODES) as error:
            code = next(code for kind, code in _CODES.items() if isinstance(error, kind))
            # AWS's own spelling.
            fault = {"line-numer": number, "source-ref": source, "code": code, "message": error.message}
            return {"at": number, "Fault": {name: value for name, value in fault.items() if value != ""}}
        answer = {
            "ModerationLabels": [_shape(label) for label in found.labels],
            "ModerationModelVersion": found.model,
            "ContentTypes": [],
        }
        return {"at": number, "Line": said | {"detect-moderation-labels": answer}}

    def _lines(self, manifest: StoredObject) -> list[str]:
        """The manifest's lines that are not blank. Raises JobFailed."""
        try:
            with self._blobs.open(manifest) as reader:
                text = reader.read().decode()
        except UnicodeDecodeError as error:
            raise JobFailed("INVALID_MANIFEST: the manifest is not UTF-8. Write it as JSON Lines.") from error
        except InvalidS3Object as error:
            raise JobFailed(f"INVALID_S3_OBJECT: {error.message}") from error
        lines = [line for line in text.split("\n") if line.strip()]
        if not 0 < len(lines) <= MOST_LINES:
            raise JobFailed(
                f"INVALID_MANIFEST: the manifest has {len(lines):,} lines; between 1 and {MOST_LINES:,} are read. "
                "Divide it among several jobs."
            )
        return lines


def _parsed(line: str) -> tuple[dict[str, Any], str, ObjectName]:
    """A line, its source-ref, and the picture that it names. Raises InvalidManifest."""
    try:
        said = json.loads(line)
    except ValueError as error:
        raise InvalidManifest("The line is not JSON. Write one object a line.") from error
    source = said.get("source-ref") if isinstance(said, dict) else None
    if not isinstance(source, str):
        raise InvalidManifest('The line has no "source-ref". It names the picture: {"source-ref": "s3://bucket/key"}.')
    scheme, _, place = source.partition("://")
    bucket, _, name = place.partition("/")
    if scheme != "s3" or not bucket or not name:
        raise InvalidManifest(f"The source-ref {source[:200]!r} is not of the form s3://bucket/key.")
    return said, source, ObjectName(bucket=bucket, name=name)


def _shape(label: ModerationLabel) -> dict[str, Any]:
    return {
        "Confidence": label.confidence,
        "Name": label.name,
        "ParentName": label.parent,
        "TaxonomyLevel": label.level,
    }


def _summary(found: Iterable[Item]) -> dict[str, Any]:
    faults = [each.get("Fault") for each in found]
    invalid = [each for each in faults if each is not None]
    return {
        "version": "1.0",
        "statistics": {
            "total-json-lines": len(faults),
            "valid-json-lines": len(faults) - len(invalid),
            "invalid-json-lines": len(invalid),
        },
        "errors": invalid,
    }


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
