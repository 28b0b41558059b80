"""Writes operations.md, which lists every operation of the service: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from regard.operations.acts import ACTS
from regard.wire import schema
from regard.wire.schema import Operation

PAGE = Path(__file__).with_name("operations.md")
#: Where an operation belongs: the first heading with a word of its name. The page has them from last to first.
HEADINGS = {
    "Custom models": ("Project", "Dataset", "CustomLabels"),
    "Liveness": ("Liveness",),
    "Live video": ("StreamProcessor",),
    "Stored video and batches": ("Start", "Get", "MediaAnalysis"),
    "Tags": ("Tag", "Untag"),
    "Users": ("User", "AssociateFaces", "DisassociateFaces"),
    "Collections": ("Collection",),
    "Faces": ("Faces",),
    "Images": ("Detect", "Recognize", "List"),
}
#: Named for stored video, but of photographs.
_ELSEWHERE = {"GetCelebrityInfo": "Images"}

INTRODUCTION = """\
# Operations

<!-- Written by `make docs` from the table of acts and the service model: change those. -->

Amazon Rekognition, API version 2016-06-27, has {all} operations; Regard provides {provided} of them. What it does with
each parameter stands on the page it links to. One that is not provided yet answers `AccessDeniedException` with "This
server does not provide … yet.", which no client retries. A parameter in bold is required.

The same endpoint answers AWS's Security Token Service: `GetCallerIdentity` and `AssumeRole`
([temporary credentials](../guides/temporary-credentials.md)).
"""


def page() -> str:
    operations = schema.load().operations
    lines = [INTRODUCTION.format(all=len(operations), provided=len(ACTS))]
    for heading in reversed(HEADINGS):
        of_it = [operation for name, operation in sorted(operations.items()) if _heading(name) == heading]
        lines += [f"## {heading}\n", "| operation | provided | parameters |", "|---|---|---|", *map(_row, of_it), ""]
    return "\n".join(lines).rstrip() + "\n"


def _heading(name: str) -> str:
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    return next(heading for heading, words in HEADINGS.items() if any(word in name for word in words))


def _row(operation: Operation) -> str:
    provided = operation.name in ACTS
    name = f"[`{operation.name}`](parameters.md#{operation.name.lower()})" if provided else f"`{operation.name}`"
    return f"| {name} | {'yes' if provided else 'not yet'} | {', '.join(_parameters(operation)) or 'none'} |"


def _parameters(operation: Operation) -> Iterator[str]:
    for name in operation.input.members:
        yield f"**`{name}`**" if name in operation.input.required else f"`{name}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
