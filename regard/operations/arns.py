"""Amazon Resource Names: which of this server's resources an ARN names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from regard.domain.regions import first, is_served
from regard.errors import InvalidParameter, ResourceNotFound

#: What can be tagged: "Resource types defined by Amazon Rekognition", Service Authorization Reference.
_FORM = re.compile(
    r"arn:aws[a-z-]*:rekognition:(?P<region>[^:/]+):[^:/]+:"
    r"(?:collection/(?P<collection>[\w.-]{1,255})|streamprocessor/[\w.-]{1,128}"
    r"|project/[\w.-]{1,255}(?:/version/[\w.-]{1,255}|/dataset/(?:train|test))?/[0-9]+)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceNames:
    """The names of one server's resources, in the Regions that it answers for."""

    regions: tuple[str, ...]
    account_id: str

    def collection_arn(self, collection_id: str, region: str = "") -> str:
        """The ARN as a request that was signed for `region` sees it."""
        region = region or first(self.regions)
        return f"arn:aws:rekognition:{region}:{self.account_id}:collection/{collection_id}"

    def collection_id(self, arn: str) -> str:
        """The id of the collection that `arn` names, whether or not it exists.

        Raises InvalidParameter if `arn` is not the ARN of a Rekognition resource, ResourceNotFound if it is of another
        account, Region or kind.
        """
        named = _FORM.fullmatch(arn)
        if named is None:
            example = self.collection_arn("my-collection")
            raise InvalidParameter(
                f"Request has invalid parameters: {arn!r} is not the ARN of a resource, such as {example}"
            )
        name, region = named["collection"], named["region"]
        if name is None or not is_served(region, self.regions) or self.collection_arn(name, region) != arn:
            raise ResourceNotFound(f"The resource {arn} does not exist here.")
        return name


def collection_in(arn: str | None) -> str | None:
    """The id of the collection that an ARN names, on any server; None if it does not name one."""
    named = _FORM.fullmatch(arn or "")
    return named["collection"] if named else None
