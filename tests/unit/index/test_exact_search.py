"""Numbers of half precision made single ones, as numpy makes them."""

from __future__ import annotations

import numpy as np

from regard.index.exact_search import singles


def test_every_finite_half_is_the_same_number() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].reshape(-1, 64)
    found = singles(halves)
    assert (found.dtype, found.shape) == (np.float32, halves.shape)
    assert found.tobytes() == halves.astype(np.float32).tobytes()


def test_a_part_that_lies_scattered_is_read_as_well() -> None:
    halves = np.linspace(-1, 1, 48).astype(np.float16).reshape(6, 8)
    assert np.array_equal(singles(halves[1::2, :4]), halves[1::2, :4].astype(np.float32))
