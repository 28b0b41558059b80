"""Amazon Resource Names: which of this server's things one means."""

from __future__ import annotations

import re

from regard.errors import InvalidParameter, ResourceNotFound
from regard.operations.services import Services

#: What can be tagged: "Resource types defined by Amazon Rekognition", Service Authorization Reference.
_FORM = re.compile(
    r"arn:aws[a-z-]*:rekognition:[^:/]+:[^:/]+:"
    r"(?:collection/(?P<collection>[\w.-]{1,255})|streamprocessor/[\w.-]+|project/[\w./-]+)",
    re.ASCII,
)


def collection_id(services: Services, arn: str) -> str:
    """The id of the collection that `arn` names.

    Raises InvalidParameter for what is no ARN of a Rekognition resource, ResourceNotFound for one of another account,
    Region or kind. That there is such a collection is not said.
    """
    named = _FORM.fullmatch(arn)
    if named is None:
        example = services.collection_arn("my-collection")
        raise InvalidParameter(f"Request has invalid parameters: {arn!r} is no resource's ARN; one is {example}")
    name = named["collection"]
    if name is None or services.collection_arn(name) != arn:
        raise ResourceNotFound(f"The resource {arn} does not exist here.")
    return name
