"""What is needed to judge a candidate and has no member in AWS's answer: HTTP headers of every search.

boto3 has them in `ResponseMetadata.HTTPHeaders`.
"""

from __future__ import annotations

GALLERY_SIZE = "x-regard-gallery-size"
EXPECTED_FALSE = "x-regard-expected-false"


def search_headers(gallery_size: int, expected_false: float) -> dict[str, str]:
    """How many faces or users the gallery has, and how many false candidates to expect by chance."""
    return {GALLERY_SIZE: str(gallery_size), EXPECTED_FALSE: repr(expected_false)}
