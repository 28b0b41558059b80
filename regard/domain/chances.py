"""How many false candidates to expect of a search, in words that need no mathematics."""

from __future__ import annotations

from decimal import Decimal

#: Above so many, "1 in N searches" says less than the number itself.
_RARE = 0.1


def plain(expected: float) -> str:
    """Two digits of an expected number of false candidates, without an exponent: 2.4e-05 is 0.000024."""
    return f"{Decimal(f'{expected:.2g}'):,f}"


def how_rarely(expected: float) -> str:
    """ " (about 1 in 42,000 searches)", to stand behind the number; empty where such searches are not rare."""
    if not 0 < expected <= _RARE:
        return ""
    return f" (about 1 in {plain(1 / expected)} searches)"
