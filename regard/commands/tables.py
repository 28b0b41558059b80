"""Tables that fit the terminal: paths are shortened, less is shown, and at last each row becomes a card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from regard.domain.words import harmless

#: A path is not shortened to less than this, in characters.
_LEAST_PATH = 24
#: A column of text is not wrapped to less than this, in characters.
_LEAST_TEXT = 30
#: Wider than any table; what a table would like to have is measured with it.
_ENDLESS = 10_000
_CARD_INDENT = 2
_PAIR_GAP = 3
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """A column: numbers stand to the `right`; a `path` may be shortened from the left, `text` wrapped between words;
    what is `optional` is left out where there is no room for it."""

    name: str
    right: bool = False
    path: bool = False
    text: bool = False
    optional: bool = False

    @classmethod
    def parse(cls, spec: str) -> Self:
        """From a name after any of '>' (right), '<' (path), '~' (text), '?' (optional)."""
        name = spec.lstrip("><~?")
        marks = spec[: len(spec) - len(name)]
        return cls(name=name, right=">" in marks, path="<" in marks, text="~" in marks, optional="?" in marks)


class Table:
    """Rows under headings. Cells are Rich's markup. `each` is what one row is, for the headings of cards."""

    def __init__(self, *columns: str, title: str | None = None, each: str = "", header: bool = True) -> None:
        self._columns = [TableColumn.parse(spec) for spec in columns]
        self._title = title
        self._each = each
        self._header = header
        self._rows: list[list[Text]] = []

    def add_row(self, *cells: str) -> None:
        self._rows.append([Text.from_markup(harmless(cell)) for cell in cells])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        room = options.max_width
        chosen = list(range(len(self._columns)))
        while True:
            spare = room - self._width(console, options, chosen)
            if spare >= 0:
                yield self._grid(chosen)
                return
            if (column := self._flexible(chosen, -spare)) is not None:
                widest = max(cell.cell_len for cell in self._cells(column)) + spare
                yield self._grid(chosen, {column: widest})
                return
            optional = [each for each in chosen if self._columns[each].optional]
            if not optional:
                break
            chosen.remove(optional[-1])
        yield from self._cards(room) if self._header else self._lines(room)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, options.max_width)

    def _cells(self, column: int) -> list[Text]:
        return [row[column] for row in self._rows]

    def _width(self, console: Console, options: ConsoleOptions, chosen: Sequence[int]) -> int:
        endless = options.update(width=_ENDLESS)
        return Measurement.get(console, endless, self._grid(chosen, titled=False)).maximum

    def _flexible(self, chosen: Sequence[int], excess: int) -> int | None:
        """The column that can give up `excess` characters, if there is one."""
        for each in chosen:
            column = self._columns[each]
            least = _LEAST_PATH if column.path else _LEAST_TEXT if column.text else None
            widest = max((cell.cell_len for cell in self._cells(each)), default=0)
            if least is not None and widest - excess >= max(least, cell_len(column.name)):
                return each
        return None

    def _grid(self, chosen: Sequence[int], widths: dict[int, int] | None = None, *, titled: bool = True) -> Grid:
        widths = widths or {}
        grid = Grid(
            box=box.SIMPLE_HEAD,
            title=self._title if titled else None,
            title_justify="left",
            title_style="bold",
            pad_edge=False,
            padding=(0, 1, 0, 0),
            show_header=self._header,
        )
        for each in chosen:
            column = self._columns[each]
            wraps = column.text and each in widths
            grid.add_column(
                column.name,
                justify="right" if column.right else "left",
                no_wrap=not wraps,
                overflow="fold",
                width=widths.get(each),
            )
        for row in self._rows:
            grid.add_row(*(_fitted(row[each], self._columns[each], widths.get(each)) for each in chosen))
        return grid

    def _lines(self, room: int) -> Iterator[RenderableType]:
        """Rows that have no headings, each as a line of text."""
        for row in self._rows:
            yield _broken(Text(" ").join(_with_short_words(cell, room) for cell in row if cell.plain), room)

    def _cards(self, room: int) -> Iterator[RenderableType]:
        if self._title:
            yield Text(self._title, style="bold")
        for row in self._rows:
            first, *others = zip(self._columns, row, strict=True)
            name = self._each or first[0].name
            yield Text.assemble((f"{name} " if name else "", "bold"), (first[1].plain, "bold"))
            pairs = [_pair(column, value, room - _CARD_INDENT) for column, value in others]
            for line in _flowing(pairs, room - _CARD_INDENT):
                yield Padding(line, (0, 0, 0, _CARD_INDENT))


def shortened(path: str, width: int) -> str:
    """The end of a path, in at most `width` columns; whole folders are left out where enough remains."""
    if cell_len(path) <= width:
        return path
    tail = path
    while tail and cell_len(tail) > width - 1:
        tail = tail[1:]
    whole = tail[tail.find("/") :] if "/" in tail else tail
    return _ELLIPSIS + (whole if cell_len(whole) * 2 >= width else tail)


def _fitted(value: Text, column: TableColumn, width: int | None) -> Text:
    if width is None:
        return value
    if column.path:
        return Text(shortened(value.plain, width), style=value.style)
    return _broken(_with_short_words(value, width), width)


def _broken(value: Text, width: int) -> Text:
    """Text in lines of that width, broken at spaces but at no no-break space: to Rich they are the same."""
    lines, line = list[Text](), Text()
    for word in value.split(" "):
        if line.cell_len and line.cell_len + 1 + word.cell_len > width:
            lines.append(line)
            line = word
        else:
            line = Text(" ").join([line, word]) if line.cell_len else word
    return Text("\n").join([*lines, line])


def _with_short_words(value: Text, width: int) -> Text:
    """Text whose paths each fit a line, so that none is broken."""
    for word in {word for word in value.plain.split() if cell_len(word) > width and "/" in word}:
        start = value.plain.index(word)
        before, _, after = value.divide([start, start + len(word)])
        value = Text.assemble(before, shortened(word, width), after)
    return value


def _pair(column: TableColumn, value: Text, room: int) -> Text:
    label = f"{column.name} " if column.name else ""
    if column.path:
        value = Text(shortened(value.plain, room - cell_len(label)), style=value.style)
    return _broken(Text.assemble((label, "dim"), _with_short_words(value, room)), room)


def _flowing(pairs: Sequence[Text], room: int) -> Iterator[Text]:
    """As many pairs in a line as there is room for; one that is longer than a line is wrapped by itself."""
    line = Text()
    for pair in pairs:
        if line.cell_len and line.cell_len + _PAIR_GAP + pair.cell_len > room:
            yield line
            line = Text()
        line = Text.assemble(line, " " * _PAIR_GAP if line.cell_len else "", pair)
    if line.cell_len:
        yield line
