"""RecognizeCelebrities and GetCelebrityInfo, over a collection that the operator names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regard.domain.results import Result
from regard.engine.galleries.celebrities import Celebrities
from regard.operations.call import Call, Operation
from regard.operations.face_shapes import compared_face, image_reference
from regard.operations.search_headers import search_headers

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import GetCelebrityInfoRequestTypeDef, RecognizeCelebritiesRequestTypeDef


@dataclass(frozen=True, slots=True, kw_only=True)
class CelebrityOperations:
    celebrities: Celebrities

    def operations(self) -> dict[str, Operation]:
        return {
            "GetCelebrityInfo": self.get_celebrity_info,
            "RecognizeCelebrities": self.recognize_celebrities,
        }

    def get_celebrity_info(self, call: Call[GetCelebrityInfoRequestTypeDef]) -> Result:
        found = self.celebrities.info(call.grant, call.request["Id"])
        return Result(members={"Name": found.name, "Urls": list(found.urls)})

    def recognize_celebrities(self, call: Call[RecognizeCelebritiesRequestTypeDef]) -> Result:
        found = self.celebrities.recognize(call.grant, image_reference(call.request["Image"]))
        shapes = [compared_face(found.faces, row) for row in range(len(found.faces))]
        return Result(
            members={
                "CelebrityFaces": [
                    {
                        "Urls": list(celebrity.urls),
                        "Name": celebrity.name,
                        "Id": celebrity.id,
                        "Face": shapes[row],
                        "MatchConfidence": similarity,
                    }
                    for row, (celebrity, similarity) in found.celebrities.items()
                ],
                "UnrecognizedFaces": [shape for row, shape in enumerate(shapes) if row not in found.celebrities],
            },
            headers=search_headers(found.gallery_size, found.expected_false),
        )
