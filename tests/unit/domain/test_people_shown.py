from __future__ import annotations

from datetime import UTC, datetime

import pytest

from regard.domain.people import Person, Service, shown_names

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def shown(*people: tuple[str, str | None], services: tuple[str, ...] = ()) -> list[str]:
    known = [Person(id=f"p{n}", name=name, login=login, created_at=NOW) for n, (name, login) in enumerate(people)]
    named = shown_names(
        known, [Service(id=f"s{n}", name=each, person_id="p0", created_at=NOW) for n, each in enumerate(services)]
    )
    return [*named.values()]


def test_a_name_stands_with_its_login_unless_it_is_the_login() -> None:
    assert shown(("Ada Lovelace", "ada"), ("rita", "rita"), ("Root", None)) == ["Ada Lovelace (ada)", "rita", "Root"]


@pytest.mark.parametrize(
    ("people", "services", "expected"),
    [
        ([("Ove", "ove2"), ("ove", "ove")], (), ["Ove (ove2)", "ove (ove)"]),
        ([("ove", "ove"), ("ove", "x9")], (), ["ove (ove)", "ove (x9)"]),
        ([("ove", "ove"), ("Ove", None)], (), ["ove (ove)", "Ove (p1)"]),
        ([("Ｏｖｅ", "Ｏｖｅ"), ("Ove  B", None), ("ove b", None)], (), ["Ｏｖｅ", "Ove  B (p1)", "ove b (p2)"]),
        ([("x9", "x9"), ("Olga", "X9")], (), ["x9 (x9)", "Olga (X9)"]),
        ([("ove", "ove")], ("Ove",), ["ove (ove)", "Ove (service)"]),
        ([("Ove", "ove2"), ("Ove (ove2)", None)], (), ["Ove (ove2) (p0)", "Ove (ove2) (p1)"]),
    ],
)
def test_no_two_are_called_alike(
    people: list[tuple[str, str | None]], services: tuple[str, ...], expected: list[str]
) -> None:
    found = shown(*people, services=services)
    assert found == expected
    assert len({each.casefold() for each in found}) == len(found)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Sam Ace", "S\N{CYRILLIC SMALL LETTER A}m \N{CYRILLIC CAPITAL LETTER A}ce"),
        ("Sam Ace", "\N{CYRILLIC CAPITAL LETTER DZE}am Ace"),
        ("Otto", "\N{GREEK CAPITAL LETTER OMICRON}tto"),
        ("Otto", "\N{ARMENIAN CAPITAL LETTER OH}tto"),
        ("SAM", "S\N{CHEROKEE LETTER GO}\N{CYRILLIC CAPITAL LETTER EM}"),
        ("Зоя", "3оя"),
        ("\N{CYRILLIC CAPITAL LETTER KA}\N{CYRILLIC SMALL LETTER O}", "Ko"),
        ("\N{CYRILLIC SMALL LETTER VE}\N{CYRILLIC SMALL LETTER ES}", "BC"),
        ("Zoë", "Zo\N{CYRILLIC SMALL LETTER IO}"),
        ("νίκος", "ΝΊΚΟΣ"),
    ],
)
def test_two_names_that_look_the_same_in_different_alphabets_are_told_apart(name: str, other: str) -> None:
    assert shown((name, name), (other, None)) == [f"{name} ({name})", f"{other} (p1)"]
    assert shown((name, None), (other, None)) == [f"{name} (p0)", f"{other} (p1)"]


@pytest.mark.parametrize(("name", "other"), [("Ivan", "Иван"), ("Ann", "Аня"), ("νίκος", "Nick"), ("李", "季")])
def test_names_that_only_sound_alike_stand_alone(name: str, other: str) -> None:
    assert shown((name, None), (other, None)) == [name, other]
