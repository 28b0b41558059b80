"""What is needed to judge a candidate and has no member in AWS's answer: HTTP headers of every search.

boto3 has them in `ResponseMetadata.HTTPHeaders`.
"""

from __future__ import annotations

from regard.domain.cases import OpenedCase

GALLERY_SIZE = "x-regard-gallery-size"
EXPECTED_FALSE = "x-regard-expected-false"
CASE, REVIEW, RECEIPT = "x-regard-case", "x-regard-review", "x-regard-receipt"


def search_headers(gallery_size: int, expected_false: float, case: OpenedCase | None = None) -> dict[str, str]:
    """How many faces or users the gallery has, and how many false candidates to expect by chance; where candidates are
    reviewed, in which case, by how many people, and the number of the ledger's entry."""
    headers = {GALLERY_SIZE: str(gallery_size), EXPECTED_FALSE: repr(expected_false)}
    if case is not None and case.id is not None:
        headers |= {CASE: case.id, REVIEW: f"pending;needed={case.needed};done={case.done}"}
    if case is not None and case.receipt is not None:
        headers[RECEIPT] = str(case.receipt)
    return headers
