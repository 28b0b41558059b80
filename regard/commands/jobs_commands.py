"""`regard jobs`: what there is to do, how far it is, and who was told; and what to do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from regard.bootstrap.register import open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.terminal import Home, Json
from regard.domain.jobs import MOST_PRIORITY, Event, Job, JobState
from regard.engine.jobs.control import JobFile, JobFilter

app = typer.Typer(
    help="Jobs on stored video: list and show them; cancel, pause, resume, retry and prioritise them.",
    no_args_is_help=True,
    add_completion=False,
)

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, or how it begins.")]
_SHOWN_ID = 12
_COLOURS = {
    JobState.QUEUED: "dim",
    JobState.IN_PROGRESS: "cyan",
    JobState.PAUSED: "yellow",
    JobState.SUCCEEDED: "green",
    JobState.FAILED: "red",
    JobState.CANCELLED: "dim",
}


@app.command("list")
def show_all(
    *,
    state: Annotated[list[JobState] | None, typer.Option(help="Only jobs in this state; may be repeated.")] = None,
    most: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List the jobs there are, the newest first, with how far each is.

    Example: [bold]regard jobs list --state IN_PROGRESS[/]
    """
    chosen = context.settings(home)
    with granted(chosen, "jobs list") as grant, open_register(chosen) as register:
        found = register.jobs.all(grant, JobFilter(states=state or []), most)
    if as_json:
        terminal.say_json({"Jobs": [_job(each) for each in found]})
        return
    if not found:
        terminal.note("There are no such jobs.")
        return
    rows = terminal.table("Job", "State", ">Done", "Kind", "?Object", "Asked by", "Asked at")
    for each in found:
        where = f"{each.object.bucket}/{each.object.name}"
        rows.add_row(
            each.id[:_SHOWN_ID],
            f"[{_COLOURS[each.state]}]{each.state}[/]",
            f"{each.progress:.0%}",
            each.kind,
            escape(terminal.readable(where)),
            escape(each.caller.principal.name),
            _moment(each.created_at),
        )
    terminal.out().print(rows)


@app.command()
def show(job: JobArgument, *, as_json: Json = False, home: Home = None) -> None:
    """Show a job: how far it is, why it failed, its chunks, and each try to tell of it."""
    chosen = context.settings(home)
    with granted(chosen, "jobs show") as grant, open_register(chosen) as register:
        file = register.jobs.show(grant, job)
    if as_json:
        terminal.say_json(_file(file))
        return
    _say(file.job)
    if file.chunks:
        rows = terminal.table(">Chunk", ">From", ">To", ">Done", ">Tries", title="Chunks")
        for chunk in file.chunks:
            tries = f"{chunk.attempts}, {chunk.lost} lost" if chunk.lost else str(chunk.attempts)
            done = "done" if chunk.done_at else f"{chunk.progress:.0%}"
            rows.add_row(str(chunk.number), _clock(chunk.from_ms), _clock(chunk.to_ms), done, tries)
        terminal.out().print(rows)
    for event in file.events:
        terminal.say(f"Told by {event.target} at {terminal.readable(_address(event))}: {_delivery(event)}")
        for each in event.tries:
            terminal.say(f"  {each.get('at', '')}  {terminal.readable(str(each.get('outcome', '')))}")


@app.command()
def cancel(job: JobArgument, *, home: Home = None) -> None:
    """End a job and erase what it found so far. Its client is told that it failed."""
    chosen = context.settings(home)
    with granted(chosen, "jobs cancel") as grant, open_register(chosen) as register:
        _done(register.jobs.cancel(grant, job))


@app.command()
def pause(job: JobArgument, *, home: Home = None) -> None:
    """Let a job rest. What is done stays done; `regard jobs resume` lets it go on."""
    chosen = context.settings(home)
    with granted(chosen, "jobs pause") as grant, open_register(chosen) as register:
        _done(register.jobs.pause(grant, job))


@app.command()
def resume(job: JobArgument, *, home: Home = None) -> None:
    """Let a job go on that was paused."""
    chosen = context.settings(home)
    with granted(chosen, "jobs resume") as grant, open_register(chosen) as register:
        _done(register.jobs.resume(grant, job))


@app.command()
def retry(job: JobArgument, *, home: Home = None) -> None:
    """Let a job go on that failed, from what is done; or one begin again that was cancelled."""
    chosen = context.settings(home)
    with granted(chosen, "jobs retry") as grant, open_register(chosen) as register:
        _done(register.jobs.retry(grant, job))


@app.command(context_settings={"ignore_unknown_options": True})
def priority(
    job: JobArgument,
    number: Annotated[int, typer.Argument(min=-MOST_PRIORITY, max=MOST_PRIORITY, help="0 unless changed.")],
    *,
    home: Home = None,
) -> None:
    """Let a job go before those of a lower priority, or, with a negative one, after the others.

    Example: [bold]regard jobs priority 3f2a 10[/]
    """
    chosen = context.settings(home)
    with granted(chosen, "jobs priority") as grant, open_register(chosen) as register:
        found = register.jobs.prioritise(grant, job, number)
    terminal.say(f"{found.id[:_SHOWN_ID]} has the priority {found.priority}.")


def _done(job: Job) -> None:
    terminal.say(f"{job.id[:_SHOWN_ID]} is {job.state}.")


def _say(job: Job) -> None:
    where = terminal.readable(f"{job.object.bucket}/{job.object.name}")
    terminal.say(f"{job.id}\n{job.operation} of {where}: {job.state}, {job.progress:.0%} done.")
    if job.message:
        terminal.say(terminal.readable(job.message))
    who = f"Asked by {terminal.readable(job.caller.principal.name)} at {_moment(job.created_at)} UTC"
    ended = f", ended at {_moment(job.finished_at)}" if job.finished_at else ""
    kept = f", kept until {_moment(job.expires_at)}" if job.state.ended else ""
    terminal.say(f"{who}{ended}{kept}.")


def _delivery(event: Event) -> str:
    if event.done_at is not None:
        return f"delivered at {_moment(event.done_at)}."
    return f"{event.count} tries, the next at {_moment(event.next_try)}."


def _address(event: Event) -> str:
    """Without a query, which may hold a secret."""
    return event.address.partition("?")[0]


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _clock(ms: int) -> str:
    seconds = ms // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _job(job: Job) -> dict[str, Any]:
    return {
        "JobId": job.id,
        "State": job.state,
        "Progress": round(job.progress, 4),
        "Kind": job.kind,
        "Operation": job.operation,
        "Bucket": job.object.bucket,
        "Name": job.object.name,
        "Principal": job.caller.principal.name,
        "Priority": job.priority,
        "Message": job.message,
        "CreatedAt": job.created_at.isoformat(),
        "FinishedAt": job.finished_at.isoformat() if job.finished_at else None,
        "ExpiresAt": job.expires_at.isoformat() if job.state.ended else None,
    }


def _file(file: JobFile) -> dict[str, Any]:
    chunks = [
        {
            "Number": each.number,
            "FromMillis": each.from_ms,
            "ToMillis": each.to_ms,
            "Attempts": each.attempts,
            "Lost": each.lost,
            "Done": each.done_at is not None,
        }
        for each in file.chunks
    ]
    events = [
        {
            "EventId": each.id,
            "Target": each.target,
            "Address": _address(each),
            "DeliveredAt": each.done_at.isoformat() if each.done_at else None,
            "Tries": list(each.tries),
        }
        for each in file.events
    ]
    return _job(file.job) | {"Chunks": chunks, "Events": events}
