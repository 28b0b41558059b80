"""How an evaluation is printed."""

from __future__ import annotations

from dataclasses import asdict

from regard.commands import terminal
from regard.domain.evaluations import Evaluation, SearchRates, ThresholdRates, scientific


def show(made: Evaluation, as_json: bool) -> None:
    """Print an evaluation, for people or for programs."""
    if as_json:
        terminal.say_json(asdict(made))
        return
    everybody = made.rates.everybody
    terminal.say(f"{made.id}: {made.name}, measured {made.measured_at:%Y-%m-%d} with {made.face_model}")
    terminal.say(f"{everybody.pictures:,} pictures of {everybody.people:,} people; {_left_out(made)}.")
    _comparisons(everybody.thresholds, "Comparisons")
    _searches(made.rates.searches)
    for group in made.rates.groups:
        _comparisons(group.thresholds, f"{group.column}: {group.group} ({group.people:,} people)")
    if made.rates.withheld:
        terminal.note(f"Too few people for rates of their own: {', '.join(made.rates.withheld)}.")
    terminal.note("In parentheses: the interval that holds the true rate in 95 of 100 such measurements.")


def _left_out(made: Evaluation) -> str:
    parts = [f"{count:,} {reason}" for reason, count in sorted(made.unread.items())]
    return ", ".join([f"{made.without_face:,} without a usable face", *parts])


def _comparisons(rates: tuple[ThresholdRates, ...], title: str) -> None:
    rows = terminal.table(">Threshold", "False matches (FMR)", "Misses (FNMR)", title=title, each="Threshold")
    for at in rates:
        rows.add_row(f"{at.threshold:g}", str(at.fmr), str(at.fnmr))
    terminal.out().print(rows)


def _searches(rates: tuple[SearchRates, ...]) -> None:
    if not rates:
        return
    size, among = rates[0].gallery_size, rates[0].measured_size
    rows = terminal.table(
        ">Threshold",
        f"False candidates among {among:,} (FPIR)",
        f"Misses among {among:,} (FNIR)",
        *([] if rates[0].measured else [f"FPIR among {size:,}, by formula"]),
        title="Searches",
        each="Threshold",
    )
    for at in rates:
        formula = f"{scientific(at.fpir_expected)} (at most {scientific(at.fpir_expected_high)})"
        cells = [f"{at.threshold:g}", str(at.fpir), str(at.fnir)]
        rows.add_row(*cells, *([] if at.measured else [formula]))
    terminal.out().print(rows)
