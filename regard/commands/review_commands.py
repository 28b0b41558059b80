"""`regard review`: compare what was searched for with a candidate, knowing nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from regard.commands import context, terminal
from regard.commands.desk import desk
from regard.commands.review_questions import asked
from regard.commands.terminal import Home, Json
from regard.domain.cases import Opinion
from regard.domain.comparisons import COMPONENTS, Judgement, Mark
from regard.errors import InvalidParameter
from regard.media import portraits

app = typer.Typer(help="Review candidates: the next pair, your opinion.", no_args_is_help=True, add_completion=False)

OfCollection = Annotated[
    str | None, typer.Option("--collection", help="The collection, where it has a profile of its own.")
]


@app.command("next")
def take(
    *,
    save: Annotated[
        Path | None,
        typer.Option(help="Where to put the two pictures side by side: a .jpg or .png; pair-NUMBER.png unless given."),
    ] = None,
    collection: OfCollection = None,
    home: Home = None,
) -> None:
    """Take the next pair to compare. You are told nothing else about it; some pairs are ones whose answer is known.

    Example: [bold]regard review next[/]
    """
    chosen = context.settings(home)
    with desk(chosen, "review next", collection=collection) as at:
        pair = at.reviews.next()
        if pair is None:
            terminal.say("There is nothing for you to review.")
            return
        context.save(
            portraits.side_by_side(pair.probe, pair.candidate, pair.number), save or Path(f"pair-{pair.number}.png")
        )
    terminal.say(f"Pair {pair.number}. Compare {', '.join(COMPONENTS)}; then `regard review decide {pair.number}`.")


@app.command()
def decide(  # noqa: PLR0913 - the options of a command
    number: Annotated[int, typer.Argument(metavar="PAIR", help="The pair's number.")],
    opinion: Annotated[
        Opinion | None, typer.Argument(help="Whether it is the same person; without it you are asked.")
    ] = None,
    *,
    reason: Annotated[str, typer.Option(help="Why you think so.")] = "",
    similar: Annotated[str, typer.Option(help="Components that are similar, with commas between.")] = "",
    different: Annotated[str, typer.Option(help="Components that are different.")] = "",
    not_visible: Annotated[str, typer.Option("--not-visible", help="Components that cannot be compared.")] = "",
    collection: OfCollection = None,
    home: Home = None,
) -> None:
    """Give your opinion of a pair, once and for good. Every component of the face is to be marked: with the pair's
    number alone you are asked for each, a key at a time.

    Example: [bold]regard review decide 17 same --similar eyes,nose,mouth,… --not-visible neck --reason "…"[/]
    """
    chosen = context.settings(home)
    told = (
        None
        if opinion is None
        else Judgement(opinion=opinion, components=_components(similar, different, not_visible), reason=reason)
    )
    if told is None and any((reason, similar, different, not_visible)):
        raise InvalidParameter("Say same, different or inconclusive after the number; or that alone, to be asked.")
    with desk(chosen, "review decide", collection=collection) as at:
        at.reviews.decide(number, told or asked(number))
    terminal.say(f"Your opinion of the pair {number} is recorded.")
    terminal.note(f"Next: {context.with_home('review next', home)}.")


def _components(similar: str, different: str, not_visible: str) -> dict[str, Mark]:
    """The mark of each component that was named. Raises InvalidParameter for one that was named twice."""
    marks = {Mark.SIMILAR: similar, Mark.DIFFERENT: different, Mark.NOT_VISIBLE: not_visible}
    components: dict[str, Mark] = {}
    for mark, listed in marks.items():
        for name in filter(None, (each.strip() for each in listed.split(","))):
            if name in components:
                raise InvalidParameter(f"{name} is marked twice.")
            components[name] = mark
    return components


@app.command()
def rates(*, collection: OfCollection = None, as_json: Json = False, home: Home = None) -> None:
    """Show each reviewer's errors on pairs whose answer is known."""
    chosen = context.settings(home)
    with desk(chosen, "review rates", collection=collection) as at:
        found = at.reviews.rates()
    if as_json:
        terminal.say_json(
            {
                "Reviewers": [
                    {
                        "PersonId": each.reviewer_id,
                        "Name": each.name,
                        "Login": each.login,
                        "Mates": each.mates,
                        "MissedMates": each.missed_mates,
                        "NonMates": each.nonmates,
                        "FalseMatches": each.false_matches,
                        "Inconclusive": each.inconclusive,
                    }
                    for each in found
                ]
            }
        )
        return
    if not found:
        terminal.note("No reviewer has judged a pair whose answer is known yet.")
        return
    rows = terminal.table("Reviewer", "Login", ">Mates", ">Missed", ">Non-mates", ">False matches", ">Inconclusive")
    for each in found:
        counts = (each.mates, each.missed_mates, each.nonmates, each.false_matches, each.inconclusive)
        rows.add_row(escape(each.name), escape(each.login or "–"), *map(str, counts))
    terminal.out().print(rows)
