"""How many threads numpy and the server may use."""

from __future__ import annotations

import sys

from threadpoolctl import threadpool_limits

from regard.vision.session import cores


def limit_blas_threads() -> None:
    """From now on numpy multiplies matrices in the calling thread.

    BLAS's own threads spin while they wait: sixteen searches at once in 20,000 faces were twenty times as slow with
    them, and a single search no faster.
    """
    threadpool_limits(limits=1, user_api="blas")


def take_turns_quickly() -> None:
    """From now on a thread that waits for the interpreter has it after half a millisecond, instead of five.

    The event loop needs it a few times for every connection. Beside two hundred strangers ListCollections took 200 ms
    at the 99th percentile instead of 400, and nothing became slower.
    """
    sys.setswitchinterval(0.0005)


def request_threads() -> int:
    """Two requests per core, since one decodes and answers while the other's models run; and one that another caller
    always finds free (`edge.turns`)."""
    return 2 * cores() + 1
