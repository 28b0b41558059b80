"""Who leaves when another needs the place: the oldest stranger that is waited for, never a verified client."""

from __future__ import annotations

from regard.edge.connections import Connection, ConnectionLimits, Connections, network


class House:
    """A register with a clock to turn, and the names of the connections that were dropped."""

    def __init__(self, most: int = 10, most_strangers: int = 10) -> None:
        self.now = 0.0
        self.dropped: list[str] = []
        limits = ConnectionLimits(most=most, most_strangers=most_strangers, vouched_seconds=60)
        self.register = Connections(limits, clock=lambda: self.now)

    def enter(self, name: str, address: str = "192.0.2.1") -> Connection:
        return self.register.enter(address, lambda: self.dropped.append(name))


def test_the_oldest_stranger_leaves_for_a_newcomer() -> None:
    house = House(most=3)
    for name in "abcde":
        house.enter(name)
    assert house.dropped == ["a", "b"]
    assert len(house.register) == 3


def test_one_whose_body_has_begun_to_come_is_the_last_to_leave() -> None:
    house = House(most=3)
    house.enter("sends").move()
    for name in "abc":
        house.enter(name)
    assert house.dropped == ["a"]


def test_the_stranger_that_leaves_is_of_the_address_that_has_most() -> None:
    house = House(most=4)
    house.enter("alone", "192.0.2.1")
    for name in "abc":
        house.enter(name, "192.0.2.2")
    house.enter("newcomer", "192.0.2.3")
    assert house.dropped == ["a"]


def test_one_address_has_no_more_strangers_than_it_may() -> None:
    house = House(most_strangers=2)
    for name in "abc":
        house.enter(name, "192.0.2.2")
    house.enter("another", "192.0.2.3")
    assert house.dropped == ["a"]


def test_a_verified_client_stays_and_does_not_count_for_its_address() -> None:
    house = House(most_strangers=2)
    for name in "abc":
        house.enter(name).vouch()
    for name in "xyz":
        house.enter(name)
    assert house.dropped == ["x"]


def test_a_request_that_is_being_answered_stays() -> None:
    house = House(most=2)
    house.enter("answered").wait(False)
    house.enter("waits")
    house.enter("newcomer")
    assert house.dropped == ["waits"]


def test_a_newcomer_is_turned_away_if_nobody_else_can_be() -> None:
    house = House(most=2)
    for name in "ab":
        house.enter(name).wait(False)
    refused = house.enter("newcomer")
    assert house.dropped == ["newcomer"]
    house.register.leave(refused)
    assert len(house.register) == 2


def test_verified_clients_leave_room_for_newcomers() -> None:
    house = House(most=10)
    for number in range(10):
        house.enter(str(number)).vouch()
    house.enter("health")
    assert house.dropped == ["9"]  # the tenth was not vouched for


def test_a_client_verified_long_ago_is_a_stranger_again() -> None:
    house = House(most=2)
    house.enter("long ago").vouch()
    house.now = 59.0
    house.enter("lately").vouch()
    house.now = 61.0
    house.enter("newcomer")
    assert house.dropped == ["long ago"]


def test_a_client_that_is_verified_again_stays_longer() -> None:
    house = House(most=2)
    first = house.enter("first")
    first.vouch()
    house.now = 50.0
    first.vouch()
    house.enter("stranger")
    house.now = 100.0
    house.enter("newcomer")
    assert house.dropped == ["stranger"]


def test_who_has_left_is_forgotten_whatever_happens_to_them_later() -> None:
    house = House()
    gone = house.enter("gone")
    for _ in range(2):
        house.register.leave(gone)
    gone.vouch()
    gone.wait(False)
    assert len(house.register) == 0
    house.register.shed()
    assert house.dropped == []


def test_strangers_are_shed_when_the_process_is_short_of_descriptors() -> None:
    house = House()
    house.enter("verified").vouch()
    for name in "abc":
        house.enter(name)
    for _ in range(2):
        house.register.shed()
    assert house.dropped == ["a", "b"]


def test_an_ipv6_network_of_64_bits_counts_as_one_address() -> None:
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::4") != network("2001:db8:1:2::4")
    assert network("fe80::1%eth0") == "fe80::/64"
    assert network("::ffff:192.0.2.7") == network("192.0.2.7") == "192.0.2.7"
    assert network("") == ""
