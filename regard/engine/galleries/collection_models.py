"""The face model of a collection: what its card says of it, and what embeds with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from regard.domain.galleries import Collection
from regard.errors import InternalServerError, ModelUnavailable, ResourceNotReady
from regard.vision.faces.face_model import FaceModel, KnownModels

T = TypeVar("T")


def model_of(known: KnownModels, collection: Collection) -> FaceModel:
    """What the card of the collection's model says. Raises ResourceNotReady if there is no such card."""
    found = known.find(collection.face_model)
    if found is None:
        raise _not_ready(collection, "there is no card for it; add one to models.toml")
    return found


def embedding_for(collection: Collection, using: Callable[[str], T]) -> T:
    """`using` the collection's model: what embeds with it. Raises ResourceNotReady if its file cannot be used."""
    try:
        return using(collection.face_model)
    except ModelUnavailable as error:
        told = error.public != InternalServerError.__doc__
        reason = (
            error.public if told else "its file is not what its card says; `regard doctor`, on the server, says why"
        )
        raise _not_ready(collection, reason) from error


def _not_ready(collection: Collection, reason: str) -> ResourceNotReady:
    return ResourceNotReady(
        f"The collection {collection.id} holds faces of the model {collection.face_model}, which cannot be used here: "
        f"{reason}."
    )
