"""Models come in packs: fetched by the pack's name, or stopped half way; operations say which one they lack."""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Thread

import pytest
from toy_sources import CONTENT, toy_card, url

from regard.errors import ModelUnavailable, ResourceNotReady, SettingsError
from regard.vision.cards import ModelCard, Source
from regard.vision.model_loader import ModelLoader
from regard.vision.sources import Clients
from regard.vision.zoo import Zoo


def zoo(tmp_path: Path, *cards: ModelCard, clients: Clients | None = None) -> Zoo:
    return Zoo(tmp_path / "models", None, {card.name: card for card in cards}, clients=clients)


def test_packs_are_named_like_models_and_what_is_there_is_not_missing(tmp_path: Path) -> None:
    cards = [
        toy_card(url("https://example.org/a"), name=name, pack=pack)
        for name, pack in (("a", "one"), ("b", "two"), ("c", "one"))
    ]
    models = zoo(tmp_path, *cards)
    assert models.packs == ("one", "two")
    assert models.select(["one", "b", "c"]) == ("a", "c", "b")
    models.directory.mkdir()
    (models.directory / "a.onnx").write_bytes(CONTENT)
    assert models.missing("one") == ("c",)
    with pytest.raises(SettingsError, match="no model card or pack 'three'; the packs are: one, two; the cards are: a"):
        models.select(["one", "three"])


@pytest.mark.slow
def test_a_fetch_that_is_stopped_ends_its_package_client(tmp_path: Path) -> None:
    """The client would wait for an hour: for bytes from a server that sends none."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}"
        options = ("--index-url", index, "--timeout", "3600", "--isolated")
        clients = Clients(pip_arguments=options)
        card = toy_card(Source(pip="toy==1.0", member="toy.onnx"))
        models, failed = zoo(tmp_path, card, clients=clients), list[str]()

        def pull() -> None:
            try:
                models.pull(["toy"])
            except ModelUnavailable as error:
                failed.append(error.message)

        thread = Thread(target=pull)
        thread.start()
        connection, _ = silent.accept()  # it is running, and waits
        clients.stop.set()
        thread.join(30)
        connection.close()
        assert "fetching was stopped" in failed[0]


def test_a_model_of_a_missing_pack_is_refused_in_words_until_it_is_there_and_then_loaded_once(tmp_path: Path) -> None:
    card = toy_card(url("https://example.org/a"), name="a", pack="one")
    models = zoo(tmp_path, card)
    loader, loaded = ModelLoader(models), []

    def load(card: ModelCard) -> str:
        loaded.append(card.name)
        return "it"

    with pytest.raises(ResourceNotReady, match=r"pack 'one' are not installed .*: a. `regard models pull one` fetches"):
        loader.once("a", load)
    models.directory.mkdir()
    (models.directory / "a.onnx").write_bytes(CONTENT)
    assert [loader.once("a", load), loader.once("a", load)] == ["it", "it"]
    assert loaded == ["a"]


def test_a_damaged_model_of_a_pack_is_named(tmp_path: Path) -> None:
    card = toy_card(url("https://example.org/a"), name="a", pack="one")
    models = zoo(tmp_path, card)
    models.directory.mkdir()
    (models.directory / "a.onnx").write_bytes(CONTENT[::-1])
    with pytest.raises(ModelUnavailable, match=r"'a' is corrupt .*; run `regard models pull a`"):
        ModelLoader(models).once("a", ModelLoader(models).session)
