"""The register of a server's connections: how many there may be, and which of them leaves when another needs its place.

A connection is *vouched for* while a signature that was verified on it is recent; all others are strangers'. A stranger
who keeps the server waiting, for a head or a body, can be sent away; a verified client never is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

log = logging.getLogger(__name__)

#: Where an application finds, in its scope, the connection of its request, to vouch for it.
CONNECTION_KEY = "regard.connection"
#: The part of all connections that may be vouched for: the rest is for newcomers, health checks among them.
_VOUCHED_PART = 0.9
_IPV6_NETWORK_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """At most `most` connections, and at most `most_strangers` of one address that are not vouched for.

    A connection is vouched for until `vouched_seconds` have passed since a signature was last verified on it.
    """

    most: int
    most_strangers: int
    vouched_seconds: float


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """One connection. `drop` closes it at once; `waiting` is whether the server waits for its client to send, `moving`
    whether that is a body of which some has come."""

    address: str
    drop: Callable[[], None]
    register: Connections
    waiting: bool = True
    moving: bool = False

    def vouch(self) -> None:
        """Note that a signature was verified on this connection."""
        self.register.vouch(self)

    def move(self) -> None:
        """Note that some of a body that is wanted has come: whoever sends nothing leaves first."""
        self.moving = True

    def wait(self, waiting: bool) -> None:
        """Note whether the server now waits for the client to send; False while it works on an answer."""
        self.register.wait(self, waiting)


@dataclass(slots=True)
class _Strangers:
    """The connections of one address that are not vouched for, the oldest first."""

    connections: dict[Connection, None] = field(default_factory=dict)
    waiting: int = 0

    def add(self, connection: Connection) -> None:
        self.connections[connection] = None
        self.waiting += connection.waiting

    def remove(self, connection: Connection) -> None:
        del self.connections[connection]
        self.waiting -= connection.waiting

    def oldest_waiting(self) -> Connection | None:
        """One whose body has begun to come is the last to leave."""
        waiting = [connection for connection in self.connections if connection.waiting]
        return min(waiting, key=lambda connection: connection.moving, default=None)


class Connections:
    """Every open connection of one server. For one event loop: it neither waits nor locks."""

    def __init__(self, limits: ConnectionLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._strangers: dict[str, _Strangers] = {}
        # When each was vouched for, the longest ago first.
        self._vouched: dict[Connection, float] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def enter(self, address: str, drop: Callable[[], None]) -> Connection:
        """Register a connection from an IP address. If there is no room, another is dropped, or in the end this one."""
        self._expire()
        newcomer = Connection(address=network(address), drop=drop, register=self)
        mates = self._strangers.get(newcomer.address)
        if mates and len(mates.connections) >= self._limits.most_strangers:
            log.warning(
                "%d connections of one address have no verified signature; the oldest closes for each new one",
                len(mates.connections),
            )
            self._drop(mates.oldest_waiting())
        if self._count >= self._limits.most:
            log.warning("%d connections are open, as many as may be; a stranger's closes for each new one", self._count)
            if not self._make_room():
                log.warning("All connections belong to verified clients or are being answered; a new one was closed")
                drop()
                return newcomer
        self._count += 1
        self._strangers.setdefault(newcomer.address, _Strangers()).add(newcomer)
        return newcomer

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is closed; nothing happens if it is not registered."""
        if self._vouched.pop(connection, None) is not None or self._forget_stranger(connection):
            self._count -= 1

    def vouch(self, connection: Connection) -> None:
        """As `Connection.vouch`. Beyond the part of all connections that may be vouched for, it changes nothing."""
        self._expire()
        known = self._vouched.pop(connection, None) is not None
        room = len(self._vouched) < self._limits.most * _VOUCHED_PART
        if known or (room and self._forget_stranger(connection)):
            self._vouched[connection] = self._clock()

    def wait(self, connection: Connection, waiting: bool) -> None:
        """As `Connection.wait`."""
        mates = self._strangers.get(connection.address)
        if mates and connection in mates.connections:
            mates.waiting += waiting - connection.waiting
        connection.waiting = waiting

    def shed(self) -> None:
        """Drop a stranger, if there is one: the process is short of what a connection needs."""
        self._expire()
        self._make_room()

    def _make_room(self) -> bool:
        """Drop the oldest stranger that waits, of the address that has most of those; whether there was one."""
        crowd = max(self._strangers.values(), key=lambda mates: mates.waiting, default=None)
        if crowd is None or not crowd.waiting:
            return False
        self._drop(crowd.oldest_waiting())
        return True

    def _drop(self, connection: Connection | None) -> None:
        if connection:
            self.leave(connection)
            connection.drop()

    def _forget_stranger(self, connection: Connection) -> bool:
        mates = self._strangers.get(connection.address)
        if mates is None or connection not in mates.connections:
            return False
        mates.remove(connection)
        if not mates.connections:
            del self._strangers[connection.address]
        return True

    def _expire(self) -> None:
        """What was vouched for too long ago is a stranger again."""
        until = self._clock() - self._limits.vouched_seconds
        while self._vouched:
            connection, when = next(iter(self._vouched.items()))
            if when > until:
                break
            del self._vouched[connection]
            self._strangers.setdefault(connection.address, _Strangers()).add(connection)


def network(address: str) -> str:
    """What counts as one address: an IPv4 address, or a /64 of IPv6, the least that one customer is given."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a UNIX socket has none
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> _IPV6_NETWORK_BITS << _IPV6_NETWORK_BITS)}/{_IPV6_NETWORK_BITS}"
