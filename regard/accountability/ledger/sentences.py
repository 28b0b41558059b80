"""An entry of the ledger as a sentence: who did what, where, on what ground, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regard.domain.authority import Action

#: What somebody did, by its action; {what} is the collection, where the act names one.
_DEEDS: Mapping[Action, str] = {
    Action.DETECT: "looked at a picture",
    Action.COMPARE: "compared faces",
    Action.SEARCH: "searched{in_what}",
    Action.ENROL: "enrolled{into_what}",
    Action.READ: "read{in_what}",
    Action.DELETE: "deleted{in_what}",
    Action.EXPORT: "exported{from_what}",
    Action.MOVE: "moved{in_what}",
    Action.EVALUATE: "measured error rates{in_what}",
    Action.ADMINISTER: "administered{in_what}",
    Action.REVIEW: "reviewed{in_what}",
    Action.SIGN_IN: "signed in or out, or changed how they do",
}


def sentence(said: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """`said` is an entry's body; `names` are those of people and services, by their ids."""
    collection = said.get("collection")
    places = {
        f"{word}_what": f" {word} the collection {collection}" if collection else "" for word in ("in", "into", "from")
    }
    deed = _deed(str(said.get("action"))).format(**places)
    under = f" under {said['authorisation']}" if said.get("authorisation") else ""
    purpose = f" for {said['purpose']}" if said.get("purpose") else ""
    return f"{who(said, names)} {deed}{under}{purpose}, by {said.get('operation')}: {_outcome(said)}."


def who(said: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Who acted: a service by the person who answers for it too."""
    person, service, known = said.get("person"), said.get("service"), said.get("who") or {}
    if service:
        return f"The service {names.get(service, service)}, for which {names.get(str(person), person)} answers,"
    if person:
        return names.get(person, person)
    return str(known.get("name") or known.get("access_key") or "Regard itself")


def holders(said: Mapping[str, Any]) -> list[str]:
    """The ids whose names the sentence wants."""
    return [str(said[name]) for name in ("person", "service") if said.get(name)]


def _deed(action: str) -> str:
    return _DEEDS[Action(action)] if action in list(Action) else action


def _outcome(said: Mapping[str, Any]) -> str:
    outcome = str(said.get("outcome", "allowed"))
    why = said.get("reason") or said.get("error")
    return f"{outcome} ({str(why).rstrip('.')})" if why else outcome
