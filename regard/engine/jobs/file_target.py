"""Events as lines of a file."""

from __future__ import annotations

from pathlib import Path

from regard.domain.jobs import Event
from regard.engine.jobs.deliveries import NotDelivered
from regard.files import append_line


class FileTarget:
    """Adds each event to the file that it names: its id, then what the others are told."""

    def deliver(self, event: Event) -> None:
        try:
            append_line(Path(event.address), f'{{"EventId": "{event.id}", {event.body.lstrip("{")}'.encode())
        except OSError as error:
            raise NotDelivered(f"{event.address} could not be written: {error.strerror}.") from error
