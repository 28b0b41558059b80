from __future__ import annotations

import pytest

from regard.domain.edits import ALLOWED, REFUSED, UnknownEdit, parse


@pytest.mark.control(38)
@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("crop=0.1,0.2,0.5,0.6", {"left": 0.1, "top": 0.2, "width": 0.5, "height": 0.6}),
        ("rotate=-3.5", {"degrees": -3.5}),
        ("levels=0,0.9,1.2", {"black": 0.0, "white": 0.9, "gamma": 1.2}),
    ],
)
def test_an_edit_is_kept_as_its_parameters(text: str, parameters: dict[str, float]) -> None:
    made = parse(text)
    assert (made.kind, made.parameters) == (text.partition("=")[0], parameters)


@pytest.mark.control(38)
@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_what_puts_into_a_face_what_no_camera_saw_is_refused(kind: str) -> None:
    with pytest.raises(UnknownEdit, match="no camera saw"):
        parse(f"{kind}=1")


@pytest.mark.parametrize("text", ["", "crop", "crop=1,2", "crop=0,0,2,1", "rotate=nan", "levels=0,1,x", "blur=3"])
def test_any_other_edit_is_refused_with_how_it_is_written(text: str) -> None:
    with pytest.raises(UnknownEdit, match="|".join(ALLOWED)):
        parse(text)
