"""`/v1/services`: programs that act by themselves, each with a person who answers for it."""

from __future__ import annotations

from dataclasses import dataclass

from regard.accountability.services import Services
from regard.api.native_routes import Call, NativeRoute
from regard.api.people_shapes import (
    Changed,
    Ended,
    KeyGiven,
    KeyMade,
    RolesGiven,
    ServiceGiven,
    ServiceShown,
    ServicesShown,
)
from regard.domain.authority import Action

_ONE = "/services/{service}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRoutes:
    """Services, by their id or name."""

    services: Services

    def routes(self) -> tuple[NativeRoute, ...]:
        administer = Action.ADMINISTER
        return (
            NativeRoute("GET", "/services", self.all, Action.READ, "List services"),
            NativeRoute("POST", "/services", self.add, administer, "Add a service", status=201),
            NativeRoute("POST", f"{_ONE}/end", self.end, administer, "End a service and its keys, for good"),
            NativeRoute("POST", f"{_ONE}/grant", self.give, administer, "Give a service roles"),
            NativeRoute("POST", f"{_ONE}/withdraw", self.withdraw, administer, "Take roles from a service"),
            NativeRoute("POST", f"{_ONE}/keys", self.key, administer, "Make it an access key", status=201),
        )

    def all(self, call: Call) -> ServicesShown:
        return ServicesShown(services=[ServiceShown.of(each) for each in self.services.list(call.grant)])

    def add(self, call: Call, given: ServiceGiven) -> ServiceShown:
        return ServiceShown.of(self.services.add(call.grant, given.name, given.answers, given.roles))

    def end(self, call: Call, service: str) -> Ended:
        ended, keys = self.services.end(call.grant, service)
        return Ended(name=ended.name, keys=keys)

    def give(self, call: Call, service: str, given: RolesGiven) -> Changed:
        return Changed.model_validate(self.services.grant(call.grant, service, given.roles))

    def withdraw(self, call: Call, service: str, given: RolesGiven) -> Changed:
        return Changed.model_validate(self.services.withdraw(call.grant, service, given.roles))

    def key(self, call: Call, service: str, given: KeyGiven) -> KeyMade:
        key_id, secret = self.services.key(call.grant, service, given.name)
        return KeyMade(access_key_id=key_id, secret_access_key=secret, holder=service)
