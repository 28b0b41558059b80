"""Odds, in words."""

from __future__ import annotations

from regard.vision.faces.calibration import Calibration


def odds(calibration: Calibration, similarity: float) -> str:
    """How rarely two different people reach this similarity."""
    rate = calibration.false_match_rate(similarity)
    lowest = rate <= calibration.false_match_rate(100.0)
    return f"{'fewer than ' if lowest else ''}1 in {_two_digits(1 / rate)}"


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:.2g}"
