"""Authorisations: rows only. `accountability/authorisations` knows what may follow what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, insert, or_, select, update

from regard.domain.authorisations import (
    USABLE,
    Authorisation,
    AuthorisationKind,
    AuthorisationState,
    OnBehalfOf,
    Scope,
)
from regard.store.database import Database
from regard.store.tables.authorisations import authorisations

_TABLE = authorisations
_USABLE = [str(state) for state in USABLE]


class AuthorisationRows:
    """Add, find and change authorisations, and count the searches done under them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: Authorisation) -> None:
        with self._database.write() as connection:
            connection.execute(insert(_TABLE).values(_values(new)))

    def get(self, authorisation_id: str) -> Authorisation | None:
        with self._database.read() as connection:
            row = connection.execute(select(_TABLE).where(_TABLE.c.id == authorisation_id)).one_or_none()
        return None if row is None else _authorisation(row)

    def all(self, states: Collection[AuthorisationState] = ()) -> list[Authorisation]:
        """Those in one of `states`, or all of them; the newest first."""
        query = select(_TABLE).order_by(_TABLE.c.requested_at.desc(), _TABLE.c.id)
        if states:
            query = query.where(_TABLE.c.state.in_([str(state) for state in states]))
        with self._database.read() as connection:
            return [_authorisation(row) for row in connection.execute(query)]

    def decide(
        self,
        authorisation_id: str,
        before: Collection[AuthorisationState],
        after: AuthorisationState,
        by: str | None,
        now: datetime,
        **narrowed: Any,
    ) -> bool:
        """Change its state, if it is in one of `before`: of two that race, one does. `narrowed` are other columns to
        change with it."""
        change = update(_TABLE).where(
            _TABLE.c.id == authorisation_id, _TABLE.c.state.in_([str(state) for state in before])
        )
        ending = after in (AuthorisationState.ENDED, AuthorisationState.UNCONFIRMED)
        said = {"ended_by": by, "ended_at": now} if ending else {"decided_by": by, "decided_at": now}
        with self._database.write() as connection:
            return connection.execute(change.values(state=str(after), **said, **narrowed)).rowcount == 1

    def agree_to_poor_probes(self, found: Authorisation, by: str) -> bool:
        """Write down who agreed to it. False if its state has changed since it was read."""
        return self._rescope(found, poor_probes=by)

    def replace_token(self, found: Authorisation, token_id: str) -> bool:
        """Keep which web identity token of it is good. False if its state has changed since it was read."""
        return self._rescope(found, token=token_id, token_from=None)

    def bind_token(self, found: Authorisation, network: str) -> str:
        """The network that its web identity token was first used from: this one, if it was not used before. Of two that
        race, one is the first."""
        with self._database.write() as connection:
            same = _TABLE.c.id == found.id
            scope = connection.execute(select(_TABLE.c.scope).where(same).with_for_update()).scalar_one()
            if (bound := scope.get("token_from")) is None:
                connection.execute(update(_TABLE).where(same).values(scope=scope | {"token_from": network}))
            return str(bound or network)

    def _rescope(self, found: Authorisation, **changes: str | None) -> bool:
        same = (_TABLE.c.id == found.id) & (_TABLE.c.state == str(found.state))
        with self._database.write() as connection:
            scope = connection.execute(select(_TABLE.c.scope).where(same).with_for_update()).scalar_one_or_none()
            if scope is None:
                return False
            changed = {name: value for name, value in (scope | changes).items() if value is not None}
            return connection.execute(update(_TABLE).where(same).values(scope=changed)).rowcount == 1

    def tell(self, found: Authorisation, statistics: Mapping[str, str]) -> None:
        """Add to what is counted of it."""
        change = update(_TABLE).where(_TABLE.c.id == found.id)
        with self._database.write() as connection:
            connection.execute(change.values(statistics={**found.statistics, **statistics}))

    def take(self, authorisation_id: str, now: datetime) -> bool:
        """Count one search more, if it is usable and one is left: of many at once, exactly that many succeed."""
        left = or_(_TABLE.c.searches_allowed.is_(None), _TABLE.c.searches_done < _TABLE.c.searches_allowed)
        in_time = and_(_TABLE.c.starts_at <= now, _TABLE.c.ends_at > now)
        confirmed = or_(_TABLE.c.state != str(AuthorisationState.EMERGENCY), _TABLE.c.confirm_by > now)
        change = update(_TABLE).where(
            _TABLE.c.id == authorisation_id, _TABLE.c.state.in_(_USABLE), in_time, confirmed, left
        )
        with self._database.write() as connection:
            return connection.execute(change.values(searches_done=_TABLE.c.searches_done + 1)).rowcount == 1

    def give_back(self, authorisation_id: str) -> None:
        """Take back what `take` counted: the search came to nothing."""
        change = update(_TABLE).where(_TABLE.c.id == authorisation_id, _TABLE.c.searches_done > 0)
        with self._database.write() as connection:
            connection.execute(change.values(searches_done=_TABLE.c.searches_done - 1))

    def unconfirmed(self, now: datetime) -> list[Authorisation]:
        """Emergencies whose time to be confirmed has passed."""
        query = select(_TABLE).where(_TABLE.c.state == str(AuthorisationState.EMERGENCY), _TABLE.c.confirm_by <= now)
        with self._database.read() as connection:
            return [_authorisation(row) for row in connection.execute(query)]


def _values(new: Authorisation) -> dict[str, Any]:
    values = {name: getattr(new, name) for name in Authorisation.__slots__}
    behalf = {} if new.on_behalf_of is None else asdict(new.on_behalf_of)
    return values | {
        "kind": str(new.kind),
        "state": str(new.state),
        "scope": _scope(new.scope),
        "on_behalf_of": behalf,
        "statistics": dict(new.statistics),
    }


def _scope(scope: Scope) -> dict[str, Any]:
    return {name: value for name, value in asdict(scope).items() if value is not None}


def _authorisation(row: Row[Any]) -> Authorisation:
    values = dict(row._mapping)
    scope: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values["scope"].items()
    }
    behalf = values["on_behalf_of"]
    return Authorisation(
        **values
        | {
            "kind": AuthorisationKind(values["kind"]),
            "state": AuthorisationState(values["state"]),
            "scope": Scope(**scope),
            "on_behalf_of": OnBehalfOf(**behalf) if behalf else None,
        }
    )
