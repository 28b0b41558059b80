"""What a Start* operation asks for, as plain JSON to be kept with the job: AWS's members, with its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regard.domain.images import ObjectName
from regard.domain.jobs import NotificationChannel
from regard.operations.call import Call
from regard.operations.face_shapes import object_name
from regard.operations.texts import text_filter

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import DetectTextFiltersTypeDef, S3ObjectTypeDef

Settings = dict[str, Any]

#: Rekognition's defaults for stored video.
_LABEL_CONFIDENCE = 50.0
_MODERATION_CONFIDENCE = 50.0
_SEGMENT_CONFIDENCE = 50.0
_BLACK_FRAME = {"MaxPixelThreshold": 0.2, "MinCoveragePercentage": 99.0}


def video_of(request: Mapping[str, Any]) -> ObjectName:
    """Where the video is stored. Raises InvalidS3Object unless it has a bucket and a name."""
    place: S3ObjectTypeDef = request["Video"].get("S3Object", {})
    return object_name(place)


def channel_of(request: Mapping[str, Any]) -> NotificationChannel | None:
    channel = request.get("NotificationChannel")
    return channel and NotificationChannel(topic_arn=channel["SNSTopicArn"], role_arn=channel["RoleArn"])


def celebrities(call: Call[Any]) -> Settings:
    """The least similarity is the operator's, or the profile's where that is higher: no client says one."""
    return {"MatchThreshold": call.grant.act.threshold}


def content_moderation(call: Call[Any]) -> Settings:
    return {"MinConfidence": call.request.get("MinConfidence", _MODERATION_CONFIDENCE)}


def faces(call: Call[Any]) -> Settings:
    return {"FaceAttributes": call.request.get("FaceAttributes", "DEFAULT")}


def face_search(call: Call[Any]) -> Settings:
    return {"CollectionId": call.request["CollectionId"], "FaceMatchThreshold": call.grant.act.threshold}


def labels(call: Call[Any]) -> Settings:
    least = call.request.get("MinConfidence", _LABEL_CONFIDENCE)
    return {"MinConfidence": least, "Settings": call.request.get("Settings") or {}}


def people(_: Call[Any]) -> Settings:
    return {}


def segments(call: Call[Any]) -> Settings:
    """The kinds of segment in the order of their first naming, and what each is held to."""
    filters = call.request.get("Filters") or {}
    cues, shots = filters.get("TechnicalCueFilter") or {}, filters.get("ShotFilter") or {}
    return {
        "SegmentTypes": list(dict.fromkeys(call.request["SegmentTypes"])),
        "Filters": {
            "TechnicalCueFilter": {
                "MinSegmentConfidence": cues.get("MinSegmentConfidence", _SEGMENT_CONFIDENCE),
                "BlackFrame": _BLACK_FRAME | (cues.get("BlackFrame") or {}),
            },
            "ShotFilter": {"MinSegmentConfidence": shots.get("MinSegmentConfidence", _SEGMENT_CONFIDENCE)},
        },
    }


def text(call: Call[Any]) -> Settings:
    """Raises InvalidParameter for a region of interest that is none."""
    filters: DetectTextFiltersTypeDef = call.request.get("Filters", {})
    text_filter(filters)
    return {"Filters": filters}
