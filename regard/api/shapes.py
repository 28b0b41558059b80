"""What requests and answers of the native API have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, Base64Bytes, BaseModel, ConfigDict, Field, model_validator

from regard.accountability.reports.report import YEARS
from regard.domain.identifiers import COLLECTION_ID, EXTERNAL_IMAGE_ID, USER_ID, UUID_PATTERN, Identifier
from regard.domain.images import Box, ObjectName

#: A picture of 5 MB in base64, with room for the rest.
PICTURE_BYTES = 8 * 1024 * 1024


class Given(BaseModel):
    """A body that a route takes: a member it does not know is a fault."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """An answer, which may be read from a noun whose attributes have the same names."""

    model_config = ConfigDict(from_attributes=True)


def _pattern(of: Identifier) -> str:
    return f"^[{of.characters}]+$"


def _countable(moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise ValueError(f"name a moment of the years {YEARS[0]} to {YEARS[-1]}")
    return moment


#: A moment, which something can be counted from.
Moment = Annotated[AwareDatetime, AfterValidator(_countable)]
CollectionId = Annotated[str, Field(max_length=COLLECTION_ID.longest, pattern=_pattern(COLLECTION_ID))]
ExternalImageId = Annotated[str, Field(max_length=EXTERNAL_IMAGE_ID.longest, pattern=_pattern(EXTERNAL_IMAGE_ID))]
FaceId = Annotated[str, Field(pattern=f"^{UUID_PATTERN.pattern}$")]
#: The same as steps of a path: what an act is about is what AWS's clients could name too.
CollectionInPath = Annotated[str, Path(max_length=COLLECTION_ID.longest, pattern=_pattern(COLLECTION_ID))]
FaceInPath = Annotated[str, Path(pattern=f"^{UUID_PATTERN.pattern}$")]
UserInPath = Annotated[str, Path(max_length=USER_ID.longest, pattern=_pattern(USER_ID))]
#: A whole number, as databases hold them.
Key = Annotated[int, Field(ge=0, le=2**63 - 1)]
#: Of a similarity or a confidence, 0 to 100.
Percent = Annotated[float, Field(ge=0, le=100)]
#: What somebody writes for others to read.
Words = Annotated[str, Field(max_length=2000)]
#: The name of a person, a service, a key or a role.
Name = Annotated[str, Field(min_length=1, max_length=255)]
#: A bucket, and the name of an object in it: what AWS's clients could name too.
Bucket = Annotated[str, Field(min_length=3, max_length=255, pattern=r"^[0-9A-Za-z.\-_]+$")]
ObjectKey = Annotated[str, Field(min_length=1, max_length=1024)]
#: JPEG or PNG, in base64.
Picture = Annotated[Base64Bytes, Field(min_length=1, max_length=PICTURE_BYTES)]


class ObjectGiven(Given):
    """An object of a bucket."""

    bucket: Bucket
    name: ObjectKey

    @property
    def place(self) -> ObjectName:
        return ObjectName(bucket=self.bucket, name=self.name)


class PictureGiven(Given):
    """A picture: sent as `image`, or stored as `object`."""

    image: Picture | None = None
    object: ObjectGiven | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.image is None) == (self.object is None):
            raise ValueError("send a picture as image, or name a stored one as object: one of the two")
        return self

    @property
    def picture(self) -> bytes | ObjectName:
        if self.object is not None:
            return self.object.place
        if self.image is None:
            raise ValueError("there is no picture")
        return self.image


class BoxShown(Shown):
    """A rectangle in ratios of the upright picture's sides."""

    left: float
    top: float
    width: float
    height: float

    def box(self) -> Box:
        return Box(left=self.left, top=self.top, width=self.width, height=self.height)
