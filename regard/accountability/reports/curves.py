"""Evaluations as reports show them."""

from __future__ import annotations

from collections.abc import Iterator

from regard.accountability.reports.report import Block, Curves, Facts, Listing, Notice, Paragraph, day
from regard.domain.evaluations import Evaluation, GroupRates, SearchRates, scientific


def measured(evaluation: Evaluation | None) -> list[Block]:
    """An evaluation's rates at every threshold, for each group, with their intervals and curves."""
    if evaluation is None:
        return [
            Notice(
                "No error rates were measured here. The figures of the model's maker are not those of this place: "
                "measure with `regard evaluate`, on pictures taken as yours are, before anybody relies on a search."
            )
        ]
    everybody = evaluation.rates.everybody
    unread = sum(evaluation.unread.values())
    return [
        Facts(
            [
                ("Evaluation", f"{evaluation.id}, {evaluation.name}"),
                ("Measured", day(evaluation.measured_at)),
                ("Face model", evaluation.face_model),
                ("Pictures", f"{everybody.pictures:,} of {everybody.people:,} people, none of which are kept"),
                ("Not used", f"{evaluation.without_face:,} without a usable face, {unread:,} that could not be read"),
            ]
        ),
        Listing(
            "Errors of comparisons, at each threshold",
            ("Group", "Threshold", "False matches (FMR)", "Misses (FNMR)"),
            list(_comparisons(evaluation)),
        ),
        *_withheld(evaluation),
        *_searches(evaluation.rates.searches),
        *_curves(evaluation),
        Paragraph(
            "Intervals hold the true rate in 95 of 100 such measurements. They come from drawing people again and "
            "again, since pictures of one person err together; the interval of Wilson is taken where it is wider."
        ),
    ]


def named(group: GroupRates) -> str:
    return f"{group.column}: {group.group}" if group.column else "Everybody"


def _comparisons(evaluation: Evaluation) -> Iterator[tuple[str, str, str, str]]:
    for group in (evaluation.rates.everybody, *evaluation.rates.groups):
        for at in group.thresholds:
            name = f"{named(group)} ({group.people:,} people)"
            yield name, f"{at.threshold:g}", str(at.fmr), str(at.fnmr)


def _withheld(evaluation: Evaluation) -> list[Block]:
    if not evaluation.rates.withheld:
        return []
    return [Paragraph(f"Groups of too few people for rates of their own: {', '.join(evaluation.rates.withheld)}.")]


def _searches(rates: tuple[SearchRates, ...]) -> list[Block]:
    if not rates:
        return []
    size, among = rates[0].gallery_size, rates[0].measured_size
    columns = ["Threshold", f"False candidates among {among:,} (FPIR)", f"Misses among {among:,} (FNIR)"]
    rows = [[f"{at.threshold:g}", str(at.fpir), str(at.fnir)] for at in rates]
    if not rates[0].measured:
        columns.append(f"FPIR among {size:,}: by formula, not measured")
        for row, at in zip(rows, rates, strict=True):
            row.append(f"{scientific(at.fpir_expected)} (at most {scientific(at.fpir_expected_high)})")
    said = "The formula is 1 − (1 − FMR)^N, which takes people to be independent."
    listing = Listing("Errors of searches", columns, rows)
    return [listing] if rates[0].measured else [listing, Paragraph(said)]


def _curves(evaluation: Evaluation) -> list[Block]:
    groups = [each for each in (evaluation.rates.everybody, *evaluation.rates.groups) if len(each.curve) > 1]
    if not groups:
        return []
    caption = "Misses (FNMR, upwards) against false matches (FMR), as the threshold changes: lower is better."
    return [Curves(caption, {named(each): each.curve for each in groups[:8]})]
