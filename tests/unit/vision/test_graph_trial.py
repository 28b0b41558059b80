from __future__ import annotations

import hashlib
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import hostile_graphs
import pytest
from toy_graphs import embedder

from regard.errors import ModelUnavailable
from regard.vision.cards import ModelCard, catalogue
from regard.vision.conversion.model_files import ModelFiles
from regard.vision.graph_trial import try_card, try_graph

CROP = (1, 3, 112, 112)


def card_of(file: Path) -> ModelCard:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return catalogue()["fr-feature"].model_copy(update={"name": "mine", "sha256": digest})


def test_a_model_that_runs_passes(tmp_path: Path) -> None:
    try_graph(ModelFiles(embedder(tmp_path / "e.onnx")), CROP)


def test_a_model_that_does_not_take_its_cards_input_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"e\.onnx does not take an input of shape \(1, 1, 64, 64\)"):
        try_graph(ModelFiles(embedder(tmp_path / "e.onnx")), (1, 1, 64, 64))


@pytest.mark.parametrize("graph", [hostile_graphs.slow_to_load, hostile_graphs.slow_to_run])
@pytest.mark.slow
def test_a_graph_that_does_not_end_is_ended(tmp_path: Path, graph: Callable[[Path], Path]) -> None:
    file, began = graph(tmp_path / "slow.onnx"), time.monotonic()
    with pytest.raises(ModelUnavailable, match=r"slow\.onnx was tried, and did not load and run once within 3 seconds"):
        try_graph(ModelFiles(file), CROP, seconds=3)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("graph", [hostile_graphs.too_large_to_load, hostile_graphs.too_large_to_run])
def test_a_graph_that_asks_for_more_memory_than_it_may_have_is_refused(
    tmp_path: Path, graph: Callable[[Path], Path]
) -> None:
    with pytest.raises(ModelUnavailable, match=r"(?s)large\.onnx .*4 GiB of memory"):
        try_graph(ModelFiles(graph(tmp_path / "large.onnx")), CROP)


def test_an_input_that_no_memory_holds_is_refused_like_a_graph(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"(?s)1000000.*4 GiB of memory"):
        try_graph(ModelFiles(embedder(tmp_path / "e.onnx")), (1, 3, 1_000_000, 1_000_000))


def test_a_process_that_dies_of_a_graph_takes_nobody_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regard.vision.graph_trial._CHILD", f"import os; os.kill(os.getpid(), {signal.SIGSEGV:d})")
    with pytest.raises(ModelUnavailable, match=r"e\.onnx was tried, and ended the process that tried it \(signal 11\)"):
        try_graph(ModelFiles(embedder(tmp_path / "e.onnx")), CROP)


@pytest.mark.slow
def test_what_has_passed_is_not_tried_again_and_other_bytes_are(tmp_path: Path) -> None:
    file = embedder(tmp_path / "e.onnx")
    card = card_of(file)
    try_card(card, ModelFiles(file))
    (noted,) = (tmp_path / ".tried").iterdir()
    assert re.match(rf"{card.sha256}-1-3-112-112-\d", noted.name)
    file.write_bytes(b"no model")
    try_card(card, ModelFiles(file))  # Zoo has compared the bytes with the card
    with pytest.raises(ModelUnavailable, match="is not a model"):
        try_card(card_of(file), ModelFiles(file))
    assert list((tmp_path / ".tried").iterdir()) == [noted]


def test_a_folder_that_cannot_be_written_only_costs_the_trial_again(tmp_path: Path) -> None:
    file = embedder(tmp_path / "e.onnx")
    (tmp_path / ".tried").write_text("in the way")
    try_card(card_of(file), ModelFiles(file))
    assert (tmp_path / ".tried").read_text() == "in the way"
