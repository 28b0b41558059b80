"""Bulk image analysis over a real folder of pictures and the real model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from granting import Granting
from people import astronaut, encoded

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.images import ObjectName
from regard.domain.jobs import NewJob
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.moderation_analyzer import Moderation
from regard.engine.bulk.media_analysis import MEDIA_ANALYSIS, MediaAnalysis, Outputs
from regard.engine.bulk.media_jobs import MediaJobs
from regard.engine.jobs.in_place import Wanted, done_here
from regard.engine.jobs.task import JobFailed
from regard.errors import InvalidManifest, InvalidS3Object, ResourceNotReady
from regard.media.blobs import FolderStore
from regard.vision.cards import catalogue
from regard.vision.images.moderation import ModerationModels
from regard.vision.model_loader import ModelLoader
from regard.vision.zoo import Zoo

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@dataclass
class Studio:
    """Buckets `in` and `out`, and what judges the pictures in them."""

    blobs: FolderStore
    folder: Path
    moderation: Moderation
    grant: Grant

    def manifest(self, *lines: str) -> None:
        (self.folder / "in" / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")

    def run(self, bucket: str = "out", prefix: str | None = "made/for", least: float = 0.0) -> Any:
        """What was written: the lines of the results, and the summary."""
        config = {"S3Bucket": bucket} | ({} if prefix is None else {"S3KeyPrefix": prefix})
        job = NewJob(
            kind=MEDIA_ANALYSIS,
            request={"MinConfidence": least, "OutputConfig": config},
            object=self.blobs.head("in", "manifest.jsonl", None),
        )
        done_here(MediaAnalysis(self.blobs, self.moderation), [Wanted(job=job, grant=self.grant)], NOW)
        names = Outputs.of("0" * 64, config)
        results, summary = (self.blobs.read(bucket, name, None, limit=10**6) for name in (names.results, names.summary))
        return [json.loads(line) for line in results.splitlines()], json.loads(summary)


@pytest.fixture
def studio(models: Path, tmp_path: Path) -> Iterator[Studio]:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "in" / "ada.jpg").write_bytes(encoded(astronaut()))
    (tmp_path / "in" / "broken.jpg").write_bytes(encoded(astronaut())[:200])
    blobs = FolderStore(tmp_path)
    moderation = Moderation(ImageLoader(blobs), ModerationModels(ModelLoader(Zoo(models, None, catalogue()))))
    with Granting() as granting:
        yield Studio(blobs, tmp_path, moderation, granting.may(Action.DETECT))


def test_each_line_comes_back_with_its_labels_and_whatever_else_it_said(studio: Studio) -> None:
    studio.manifest('{"source-ref": "s3://in/ada.jpg", "mine": {"n": 7}}', "", '{"source-ref": "s3://in/ada.jpg"}')
    results, summary = studio.run()
    assert [each["source-ref"] for each in results] == ["s3://in/ada.jpg"] * 2  # a duplicate is done twice
    assert results[0]["mine"] == {"n": 7}
    answer = results[0]["detect-moderation-labels"]
    assert answer["ModerationLabels"][0]["Name"] == "Explicit"
    assert (answer["ModerationModelVersion"], answer["ContentTypes"]) == ("open-nsfw-864bb37b", [])
    assert summary == {
        "version": "1.0",
        "statistics": {"total-json-lines": 2, "valid-json-lines": 2, "invalid-json-lines": 0},
        "errors": [],
    }
    assert studio.run(least=99)[0][0]["detect-moderation-labels"]["ModerationLabels"] == []


def test_a_line_that_cannot_be_done_stands_in_the_summary_and_nowhere_else(studio: Studio) -> None:
    studio.manifest(
        "{",
        "[1]",
        '{"source-ref": 7}',
        '{"source-ref": "http://in/ada.jpg"}',
        '{"source-ref": "s3://in/nobody.jpg"}',
        '{"source-ref": "s3://in/broken.jpg"}',
        '{"source-ref": "s3://in/ada.jpg"}',
        '{"source-ref": "s3://in/\\ud800.jpg"}',
    )
    results, summary = studio.run()
    assert len(results) == 1
    assert summary["statistics"] == {"total-json-lines": 8, "valid-json-lines": 1, "invalid-json-lines": 7}
    assert [(each["line-numer"], each["code"]) for each in summary["errors"]] == [
        *((number, "INVALID_JSON_LINE") for number in (1, 2, 3, 4)),
        (5, "INVALID_S3_OBJECT"),
        (6, "INVALID_IMAGE_FORMAT"),
        (8, "INVALID_S3_OBJECT"),
    ]
    assert [each.get("source-ref") for each in summary["errors"]][4:6] == ["s3://in/nobody.jpg", "s3://in/broken.jpg"]
    assert all(each["message"] for each in summary["errors"])


def test_lines_are_done_in_chunks_and_come_back_in_their_order(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regard.engine.bulk.media_analysis._CHUNK_LINES", 2)
    studio.manifest(*(json.dumps({"source-ref": "s3://in/ada.jpg", "n": number}) for number in range(5)))
    assert [each["n"] for each in studio.run()[0]] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("lines", "words"), [(0, "0 lines"), (10_001, "10,001 lines")])
def test_a_manifest_of_no_lines_or_too_many_fails(studio: Studio, lines: int, words: str) -> None:
    studio.manifest(*['{"source-ref": "s3://in/ada.jpg"}'] * lines, " ")
    with pytest.raises(JobFailed, match=f"^INVALID_MANIFEST: .*{words}"):
        studio.run()


def test_a_manifest_that_is_no_text_fails(studio: Studio) -> None:
    (studio.folder / "in" / "manifest.jsonl").write_bytes(encoded(astronaut()))
    with pytest.raises(JobFailed, match=r"^INVALID_MANIFEST: .*UTF-8"):
        studio.run()


def test_a_bucket_that_is_not_there_fails_the_job_in_words(studio: Studio) -> None:
    studio.manifest('{"source-ref": "s3://in/ada.jpg"}')
    with pytest.raises(JobFailed, match=r"^INVALID_OUTPUT_CONFIG: .*the bucket elsewhere"):
        studio.run(bucket="elsewhere")


def test_without_the_model_nothing_is_begun(studio: Studio, tmp_path: Path) -> None:
    bare = Moderation(ImageLoader(studio.blobs), ModerationModels(ModelLoader(Zoo(tmp_path, None, catalogue()))))
    studio.manifest('{"source-ref": "s3://in/ada.jpg"}')
    with pytest.raises(ResourceNotReady):
        MediaJobs(studio.blobs, bare).look(studio.grant, ObjectName(bucket="in", name="manifest.jsonl"))
    studio.moderation = bare
    with pytest.raises(JobFailed, match=r"^RESOURCE_NOT_READY: "):
        studio.run()


def test_a_manifest_is_looked_at_by_its_head(studio: Studio) -> None:
    media = MediaJobs(studio.blobs, studio.moderation)
    studio.manifest("{}")
    assert media.look(studio.grant, ObjectName(bucket="in", name="manifest.jsonl")).size == 2
    studio.manifest()
    with pytest.raises(InvalidManifest):
        media.look(studio.grant, ObjectName(bucket="in", name="manifest.jsonl"))
    with pytest.raises(InvalidS3Object):
        media.look(studio.grant, ObjectName(bucket="in", name="nothing"))
    with (studio.folder / "in" / "huge.jsonl").open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)
    with pytest.raises(InvalidManifest):
        media.look(studio.grant, ObjectName(bucket="in", name="huge.jsonl"))


@pytest.mark.parametrize(
    ("config", "results"),
    [
        ({"S3Bucket": "b"}, "j-results.jsonl"),
        ({"S3Bucket": "b", "S3KeyPrefix": ""}, "j-results.jsonl"),
        ({"S3Bucket": "b", "S3KeyPrefix": "a/b/"}, "a/b/j-results.jsonl"),
    ],
)
def test_the_objects_are_named_by_the_prefix_and_the_job(config: dict[str, str], results: str) -> None:
    assert Outputs.of("j", config).results == results
