from __future__ import annotations

from .conftest import Photographs
from .drivers import Driver


def test_who_is_indexed_is_found_by_another_photograph_until_deleted(
    driver: Driver, collection: str, photographs: Photographs
) -> None:
    ids = {}
    for name, (first, _) in photographs.items():
        indexed = driver.call(
            "IndexFaces",
            CollectionId=collection,
            Image={"Bytes": first},
            ExternalImageId=name,
            MaxFaces=1,
            DetectionAttributes=["DEFAULT"],
        )
        (record,) = indexed["FaceRecords"]
        assert "Pose" in record["FaceDetail"]
        ids[name] = record["Face"]["FaceId"]
    someone, another = photographs
    second = {"Bytes": photographs[someone][1]}

    found = driver.call("SearchFacesByImage", CollectionId=collection, Image=second)["FaceMatches"]
    assert [match["Face"]["ExternalImageId"] for match in found] == [someone]
    assert found[0]["Similarity"] > 90
    everybody = driver.call("SearchFaces", CollectionId=collection, FaceId=ids[someone], FaceMatchThreshold=0)
    assert [match["Face"]["FaceId"] for match in everybody["FaceMatches"]] == [ids[another]]

    assert driver.call("DeleteFaces", CollectionId=collection, FaceIds=[ids[someone]])["DeletedFaces"] == [ids[someone]]
    listed = driver.call("ListFaces", CollectionId=collection)["Faces"]
    assert [face["FaceId"] for face in listed] == [ids[another]]
    assert driver.call("SearchFacesByImage", CollectionId=collection, Image=second)["FaceMatches"] == []


def test_two_photographs_of_one_person_are_compared(driver: Driver, photographs: Photographs) -> None:
    first, second = next(iter(photographs.values()))
    compared = driver.call("CompareFaces", SourceImage={"Bytes": first}, TargetImage={"Bytes": second})
    (match,) = compared["FaceMatches"]
    assert match["Similarity"] > 90
