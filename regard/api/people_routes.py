"""`/v1/people`: who there is, what roles they hold, what they were trained in, and what they sign in with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from regard.accountability.people import People
from regard.accountability.services import Services
from regard.accountability.sign_in_means import SignInMeans
from regard.api.native_routes import Call, NativeRoute
from regard.api.people_shapes import (
    Changed,
    CodesMade,
    Ended,
    KeyGiven,
    KeyMade,
    NewPassword,
    PeopleShown,
    PersonFile,
    PersonGiven,
    PersonShown,
    RolesGiven,
    TrainingGiven,
)
from regard.domain.authority import Action
from regard.domain.people import Training

_ONE = "/people/{who}"
#: Until when a training holds unless it is said: Md. CP § 2-505(c) asks for one each year.
_TRAINED = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleRoutes:
    """People, by their id, login or name."""

    people: People
    services: Services
    means: SignInMeans

    def routes(self) -> tuple[NativeRoute, ...]:
        read, administer, own = Action.READ, Action.ADMINISTER, Action.SIGN_IN
        return (
            NativeRoute("GET", "/people", self.all, read, "List people"),
            NativeRoute("POST", "/people", self.add, administer, "Add a person", status=201),
            NativeRoute("GET", _ONE, self.show, read, "Show a person"),
            NativeRoute("POST", f"{_ONE}/end", self.end, administer, "End a person, for good"),
            NativeRoute("POST", f"{_ONE}/grant", self.give, administer, "Give a person roles"),
            NativeRoute("POST", f"{_ONE}/withdraw", self.withdraw, administer, "Take roles from a person"),
            NativeRoute("POST", f"{_ONE}/trainings", self.train, administer, "Record a training", status=201),
            NativeRoute("POST", f"{_ONE}/keys", self.key, administer, "Make them an access key", status=201),
            NativeRoute("PUT", f"{_ONE}/password", self.set_password, own, "Set your password, or somebody's"),
            NativeRoute("DELETE", f"{_ONE}/password", self.remove_password, own, "Remove it"),
            NativeRoute("POST", f"{_ONE}/codes", self.new_codes, own, "Ask for an authenticator app's code"),
            NativeRoute("DELETE", f"{_ONE}/codes", self.remove_codes, own, "Ask for no code any more"),
        )

    def all(self, call: Call) -> PeopleShown:
        found = self.people.list(call.grant)
        return PeopleShown(people=[PersonShown.of(each.person, each.roles) for each in found])

    def add(self, call: Call, given: PersonGiven) -> PersonShown:
        return PersonShown.of(self.people.add(call.grant, given.name, given.login, given.roles), given.roles)

    def show(self, call: Call, who: str) -> PersonFile:
        return PersonFile.of(self.people.show(call.grant, who))

    def end(self, call: Call, who: str) -> Ended:
        person, keys = self.people.end(call.grant, who)
        return Ended(name=person.name, keys=keys)

    def give(self, call: Call, who: str, given: RolesGiven) -> Changed:
        return Changed.model_validate(self.people.grant(call.grant, who, given.roles))

    def withdraw(self, call: Call, who: str, given: RolesGiven) -> Changed:
        return Changed.model_validate(self.people.withdraw(call.grant, who, given.roles))

    def train(self, call: Call, who: str, given: TrainingGiven) -> Changed:
        training = Training(
            person_id=who,
            subject=given.subject,
            reference=given.reference,
            completed_at=given.completed_at,
            expires_at=given.expires_at or given.completed_at + _TRAINED,
        )
        return Changed.model_validate(self.people.train(call.grant, training))

    def key(self, call: Call, who: str, given: KeyGiven) -> KeyMade:
        key_id, secret, person = self.services.key_of_person(call.grant, who, given.name)
        return KeyMade(access_key_id=key_id, secret_access_key=secret, holder=person.name)

    def set_password(self, call: Call, who: str, given: NewPassword) -> Changed:
        return Changed.model_validate(self.means.set_password(call.grant, who, given.password))

    def remove_password(self, call: Call, who: str) -> Changed:
        return Changed.model_validate(self.means.remove_password(call.grant, who))

    def new_codes(self, call: Call, who: str) -> CodesMade:
        person, address = self.means.new_codes(call.grant, who)
        return CodesMade(name=person.name, address=address)

    def remove_codes(self, call: Call, who: str) -> Changed:
        return Changed.model_validate(self.means.remove_codes(call.grant, who))
