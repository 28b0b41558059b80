from __future__ import annotations

import pytest

from regard.errors import InvalidParameter, ResourceNotFound
from regard.operations.arns import ResourceNames, collection_in

HERE = ResourceNames(regions=("eu-north-1",), account_id="111122223333")


@pytest.mark.parametrize("name", ["staff", "a", "Z" * 255, "..", "a_B.c-9", "collection"])
def test_an_arn_leads_back_to_the_collections_id(name: str) -> None:
    assert HERE.collection_id(HERE.collection_arn(name)) == name


@pytest.mark.parametrize(
    "elsewhere",
    [
        "arn:aws:rekognition:eu-north-1:999999999999:collection/staff",
        "arn:aws:rekognition:us-east-1:111122223333:collection/staff",
        "arn:aws-cn:rekognition:eu-north-1:111122223333:collection/staff",
        "arn:aws:rekognition:eu-north-1:111122223333:streamprocessor/gate",
        "arn:aws:rekognition:eu-north-1:111122223333:project/p/1690405809285",
        "arn:aws:rekognition:eu-north-1:111122223333:project/p/version/v.1/1690405809285",
        "arn:aws:rekognition:eu-north-1:111122223333:project/p/dataset/train/1690405809285",
    ],
)
def test_what_is_elsewhere_or_of_another_kind_is_not_found(elsewhere: str) -> None:
    with pytest.raises(ResourceNotFound, match=f"The resource {elsewhere} does not exist here"):
        HERE.collection_id(elsewhere)


@pytest.mark.parametrize(
    "malformed",
    [
        "x" * 20,
        "arn:aws:s3:::bucket/collection",
        "arn:aws:rekognition:eu-north-1:111122223333:collection/",
        "arn:aws:rekognition:eu-north-1:111122223333:collection/a/b",
        "arn:aws:rekognition:eu-north-1:111122223333:collection/a b",
        "arn:aws:rekognition:eu-north-1:111122223333:collection/é",
        "arn:aws:rekognition:eu-north-1:111122223333:collection/a\n",
        "arn:aws:rekognition:eu-north-1:111122223333:collection/" + "x" * 256,
        "arn:aws:rekognition:eu-north-1:111122223333:collection:staff",
        "arn:aws:rekognition:eu-north-1:111122223333:collection/../staff",
        "arn:aws:rekognition:eu-north-1:111122223333:streamprocessor/" + "x" * 129,
        "arn:aws:rekognition:eu-north-1:111122223333:project/p",
        "arn:aws:rekognition:eu-north-1:111122223333:project/../p/1690405809285",
        "arn:aws:rekognition:eu-north-1:111122223333:project//p/1690405809285",
        "arn:aws:rekognition:eu-north-1:111122223333:project/p/version/v/../1690405809285",
        "arn:aws:rekognition:eu-north-1:collection/staff",
        "arn:aws:rekognition::111122223333:collection/staff",
        "ARN:AWS:REKOGNITION:eu-north-1:111122223333:collection/staff",
        " arn:aws:rekognition:eu-north-1:111122223333:collection/staff",
    ],
)
def test_what_is_no_arn_is_refused_with_an_example(malformed: str) -> None:
    with pytest.raises(InvalidParameter, match="arn:aws:rekognition:eu-north-1:111122223333:collection/my-collection"):
        HERE.collection_id(malformed)


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:rekognition:eu-north-1:111122223333:collection/staff", "staff"),
        ("arn:aws-cn:rekognition:us-east-1:999999999999:collection/a_B.c-9", "a_B.c-9"),
        ("arn:aws:rekognition:eu-north-1:111122223333:streamprocessor/gate", None),
        ("arn:aws:rekognition:eu-north-1:111122223333:collection/a b", None),
        ("", None),
        (None, None),
    ],
)
def test_an_arns_collection_is_read_whatever_server_it_is_on(arn: str | None, name: str | None) -> None:
    assert collection_in(arn) == name
