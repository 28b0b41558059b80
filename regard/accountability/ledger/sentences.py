"""An entry of the ledger as a sentence: who did what, where, on what ground, and what came of it."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

#: Verbs whose past tense does not end in "ed".
_IRREGULAR = {
    "become": "became",
    "begin": "began",
    "cut": "cut",
    "find": "found",
    "give": "gave",
    "go": "went",
    "have": "had",
    "make": "made",
    "read": "read",
    "say": "said",
    "set": "set",
    "take": "took",
    "tell": "told",
    "try": "tried",
    "undo": "undid",
    "withdraw": "withdrew",
}
_DOUBLED = {"cancel": "cancelled", "enrol": "enrolled", "stop": "stopped", "tag": "tagged"}


@functools.cache
def deeds() -> Mapping[str, str]:
    """What somebody did, in the infinitive, by the name of the act."""
    table = tomllib.loads((files("regard.accountability.ledger") / "deeds.toml").read_text(encoding="utf-8"))
    return {name: phrase for phrase, names in table["deeds"].items() for name in names}


def sentence(said: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """`said` is an entry's body; `names` are those of people and services, by their ids."""
    doer, deed = who(said, names), _deed(said)
    under = f" under {said['authorisation']}" if said.get("authorisation") else ""
    purpose = f" for {said['purpose']}" if said.get("purpose") else ""
    outcome, why = str(said.get("outcome", "allowed")), said.get("reason") or said.get("error")
    if outcome == "allowed":
        return f"{doer} {past(deed)}{under}{purpose}{_found(said)}."
    came = "was refused" if outcome == "refused" else "did not come to the end of it"
    because = f": {str(why).rstrip('.')}" if why else ""
    return f"{doer} tried to {deed}{under}{purpose}, and {came}{because}."


def who(said: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Who acted: a service by the person who answers for it too."""
    person, service, known = said.get("person"), said.get("service"), said.get("who") or {}
    if service:
        return f"The service {names.get(service, service)}, for which {names.get(str(person), person)} answers,"
    if person:
        return names.get(person, person)
    key = str(known.get("access_key"))
    named = names.get(key, key)  # whoever signed in and was refused is known by their id
    return named if named != key else str(known.get("name") or known.get("access_key") or "Regard itself")


def holders(said: Mapping[str, Any]) -> list[str]:
    """The ids whose names the sentence wants."""
    found = [said.get("person"), said.get("service"), (said.get("who") or {}).get("access_key")]
    return [str(each) for each in found if each]


def past(deed: str) -> str:
    """The deed with its first word in the past tense."""
    verb, _, rest = deed.partition(" ")
    if verb in _IRREGULAR or verb in _DOUBLED:
        done = _IRREGULAR.get(verb) or _DOUBLED[verb]
    else:
        done = verb + ("d" if verb.endswith("e") else "ed")
    return f"{done} {rest}".rstrip()


def _deed(said: Mapping[str, Any]) -> str:
    operation, collection = str(said.get("operation")), said.get("collection")
    known = deeds().get(operation)
    if known is None:
        return f"use {operation}" + (f" in the collection {collection}" if collection else "")
    named = f"the collection {collection}"
    if collection:
        return known.format(collection=named, **{"in": f" in {named}", "of": f" of {named}"})
    return known.format(collection="a collection", **{"in": "", "of": ""})


def _found(said: Mapping[str, Any]) -> str:
    """How many candidates a search had, and how many faces were enrolled."""
    facts = said.get("facts") or {}
    if "candidates" in facts:
        return f", with {_count(len(facts['candidates']), 'candidate')}"
    if said.get("action") == "enrol" and facts.get("faces"):
        return f", {_count(len(facts['faces']), 'face')}"
    return ""


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
