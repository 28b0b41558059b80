from __future__ import annotations

import numpy as np
import pytest

from regard.domain.arrays import FloatArray
from regard.vision.images.scene_confidence import scene_percents
from regard.vision.images.taxonomy import BARE, SCENES, taxonomy

EGYPTIAN_CAT, SUIT, TELEVISION = 285, 834, 851


def probabilities(**of: float) -> FloatArray:
    """Of the classes with these numbers; the rest is shared by all others."""
    found = np.full(SCENES, (1 - sum(of.values())) / (SCENES - len(of)), np.float32)
    for number, share in of.items():
        found[int(number)] = share
    return found


def told(found: FloatArray, *, portrait: bool = False) -> dict[str, float]:
    return dict(zip(taxonomy().names, scene_percents(found, portrait=portrait).tolist(), strict=True))


def test_what_is_clear_is_told_with_what_it_is_a_kind_of_and_little_else() -> None:
    percents = told(probabilities(**{str(EGYPTIAN_CAT): 0.9}))
    assert min(percents[name] for name in ("Egyptian Cat", "Cat", "Mammal", "Animal")) > 90
    assert percents["Animal"] >= percents["Cat"]
    assert percents["Dog"] < 20
    assert percents["Person"] == 0  # no class means it


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7])
def test_more_probability_is_more_confidence(share: float) -> None:
    less, more = (told(probabilities(**{str(EGYPTIAN_CAT): each}))["Cat"] for each in (share, share + 0.1))
    assert less < more


def test_in_a_portrait_clothes_are_likelier_and_all_else_is_not() -> None:
    found = probabilities(**{str(SUIT): 0.3, str(TELEVISION): 0.4})
    plain, portrait = told(found), told(found, portrait=True)
    assert portrait["Suit"] > plain["Suit"] + 10
    assert portrait["Clothing"] > plain["Clothing"]
    assert portrait["TV"] < plain["TV"] - 30


@pytest.mark.parametrize(
    ("number", "name"), [(459, "Bra"), (445, "Bikini"), (639, "Swimwear"), (903, "Wig"), (529, "Diaper")]
)
def test_bare_shoulders_and_hair_in_a_portrait_are_no_underwear_swimwear_or_wig(number: int, name: str) -> None:
    found = probabilities(**{str(number): 0.8})
    plain, portrait = told(found), told(found, portrait=True)
    assert plain[name] > 50
    told_of_it = {each for each in taxonomy().names if {each, *taxonomy().ancestors(each)} & set(BARE)}
    assert {portrait[each] for each in told_of_it} == {0.0}
    assert portrait["Clothing"] > plain["Clothing"]
