"""A job on a stored video in AWS's JSON."""

from __future__ import annotations

from typing import Any

from regard.domain.jobs import Job, StoredObject


def about_job(job: Job) -> dict[str, Any]:
    """What every answer about a job that has ended begins with."""
    return {
        "JobStatus": job.state.told,
        "StatusMessage": job.message,
        "JobId": job.id,
        "JobTag": job.tag,
        "Video": {"S3Object": s3_object(job.object)},
    }


def s3_object(place: StoredObject) -> dict[str, str]:
    shape = {"Bucket": place.bucket, "Name": place.name}
    return shape if place.version is None else shape | {"Version": place.version}


def about_video(job: Job) -> dict[str, Any]:
    """VideoMetadata, as far as the plan found it out."""
    return {"VideoMetadata": job.metadata.get("VideoMetadata")}


def about_segments(job: Job) -> dict[str, Any]:
    """The same of a job that looks for segments, where it is a list, and what else only such a job tells."""
    video, version = job.metadata.get("VideoMetadata"), job.metadata.get("ModelVersion")
    return {
        "VideoMetadata": [] if video is None else [video],
        "AudioMetadata": job.metadata.get("AudioMetadata", []),
        "SelectedSegmentTypes": [{"Type": each, "ModelVersion": version} for each in job.request["SegmentTypes"]],
    }
