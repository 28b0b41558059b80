"""Measures how the detector's weights and activations are rounded to bytes: `make quantise`.

Three things are measured on 24 photographs and two mosaics of faces that are for calibration alone, and kept as data
for `vision/quantisation`: by what each channel is divided so that all use the whole of a byte; between which bounds
each tensor is cut, at the least square error; and on which grid the weights of each channel lie, likewise, as long as
no two neighbours are too large together.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import onnx
import onnxruntime as ort

from benchmarks.material import DATA, ROOT, mosaic, photograph, zoo
from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.geometry import letterbox
from regard.vision.graph import prepared
from regard.vision.quantisation import MOST, MOST_OF_TWO, Quantisation, equalised, is_depthwise

FOLDER = ROOT / "regard" / "vision" / "quantisations"
PHOTOGRAPHS, PHOTOGRAPH_PIXELS = 24, 320
MOSAICS, ACROSS, TILE = 2, 8, 75
#: How much of a channel's spread is taken from its activations, and left to the weights that read it.
TAKEN = 0.5
#: Bounds tried for activations, as shares of the widest; and grids for weights, as multiples of the finest.
BOUNDS, GRIDS = np.linspace(0.3, 1, 29), np.linspace(0.8, 2, 61)
#: The finest grid of a channel without weights, beside the coarsest: its bias must fit too.
LEAST_GRID = 1e-4
#: Values drawn of each tensor for each picture.
DRAWN = 4000
#: Added to the score before its sigmoid: faces of 16 pixels have 0.05 less in bytes, and scatter. With this as many are
#: found as in floats, in mosaics of people that are for calibration alone.
OFFSETS = {"536": 0.08}
#: What stays in float: the heads.
FLOAT = frozenset({"536", "538", "539", "540"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--card", default="centerface")
    found = zoo()
    card = found.card(parser.parse_args().card)
    model = onnx.load_from_string(prepared(found.files(card.name), free_sides=True))
    pictures = [np.ascontiguousarray(each.transpose(2, 0, 1)[None]).astype(np.float32) for each in canvases()]
    FOLDER.mkdir(exist_ok=True)
    measured(Trial(model, pictures)).save(FOLDER / f"{card.version}.npz")


def canvases() -> Iterator[ByteArray]:
    files = sorted((DATA / "lfw-calibration").glob("*/*.jpg"))
    chance = np.random.default_rng(0)
    for row in chance.permutation(len(files))[:PHOTOGRAPHS]:
        yield letterbox(photograph(files[row]), PHOTOGRAPH_PIXELS)[0]
    for _ in range(MOSAICS):
        chosen = [files[row] for row in chance.permutation(len(files))[: ACROSS**2]]
        yield letterbox(mosaic(chosen, ACROSS, TILE), ACROSS * TILE)[0]


class Trial:
    """A graph whose tensors can be looked at while it runs over the pictures."""

    def __init__(self, model: onnx.ModelProto, pictures: Sequence[FloatArray]) -> None:
        self.model = model
        self._pictures = pictures
        self.makers = {node.output[0]: node for node in model.graph.node}
        self.readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in model.graph.node:
            for name in node.input:
                self.readers[name].append(node)

    def convolutions(self) -> list[onnx.NodeProto]:
        return [node for node in self.model.graph.node if node.op_type == "Conv"]

    def made(self, node: onnx.NodeProto) -> str:
        """What a convolution makes, with its Relu if it has one."""
        readers = self.readers[node.output[0]]
        return str(readers[0].output[0] if [each.op_type for each in readers] == ["Relu"] else node.output[0])

    def seen(self, names: Sequence[str], weights: dict[str, FloatArray]) -> Iterator[list[FloatArray]]:
        """The tensors, for each picture, with these weights."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        del model.graph.initializer[:]
        model.graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in weights.items())
        known = {each.name for each in model.graph.output}
        model.graph.output.extend(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            for name in names
            if name not in known
        )
        options = ort.SessionOptions()
        options.log_severity_level = 3
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        for picture in self._pictures:
            yield session.run(list(names), {session.get_inputs()[0].name: picture})


def measured(trial: Trial) -> Quantisation:
    factors: dict[str, FloatArray] = {}
    for groups in (_inner(trial), _sums(trial)):
        weights = equalised(trial.model, factors)
        factors |= _factors(trial, groups, weights)
    weights = equalised(trial.model, factors)
    whole = [node for node in trial.convolutions() if node.output[0] not in FLOAT]
    kept = {node.input[0] for node in trial.convolutions()} - {trial.model.graph.input[0].name}
    kept |= {
        name
        for node in trial.model.graph.node
        if node.op_type == "Add"
        for name in node.input
        if node.output[0] in kept
    }
    return Quantisation(
        factors=factors,
        activations=_activations(trial, sorted(kept), weights),
        weights={str(node.output[0]): grids(weights[node.input[1]]) for node in whole},
        offsets={name: np.array([offset], np.float32) for name, offset in OFFSETS.items()},
    )


def _inner(trial: Trial) -> list[list[str]]:
    """The tensors that one convolution makes and one reads, each by itself."""
    made = [trial.made(node) for node in trial.convolutions()]
    return [[name] for name in made if [each.op_type for each in trial.readers[name]] == ["Conv"]]


def _sums(trial: Trial) -> list[list[str]]:
    """The tensors that are added to one another, which must be divided alike."""
    alone = {name for (name,) in _inner(trial)}
    groups: list[list[str]] = []
    for node in trial.convolutions():
        name = str(node.output[0])
        linear = trial.made(node) == name and name not in FLOAT
        if not linear or name in alone or any(name in group for group in groups):
            continue
        group = [name]
        for each in group:
            for reader in trial.readers[each]:
                if reader.op_type == "Add":
                    group += [other for other in (*reader.input, reader.output[0]) if other not in group]
        groups.append(group)
    return groups


def _factors(trial: Trial, groups: Sequence[Sequence[str]], weights: dict[str, FloatArray]) -> dict[str, FloatArray]:
    names = [name for group in groups for name in group]
    largest: dict[str, FloatArray] = {}
    for tensors in trial.seen(names, weights):
        for name, tensor in zip(names, tensors, strict=True):
            top = np.abs(tensor).max(axis=(0, 2, 3))
            largest[name] = np.maximum(largest.get(name, top), top)
    factors: dict[str, FloatArray] = {}
    for group in groups:
        top = np.maximum(np.max([largest[name] for name in group], axis=0), 1e-6)
        readers = [node for name in group for node in trial.readers[name] if node.op_type == "Conv"]
        if all(is_depthwise(node) for node in readers):
            factor = top  # each channel has a grid of its own on both sides
        else:
            reading = np.max([np.abs(weights[node.input[1]]).max(axis=(0, 2, 3)) for node in readers], axis=0)
            factor = top**TAKEN / np.maximum(reading, 1e-9) ** (1 - TAKEN)
        factor = np.clip(factor / np.exp(np.log(factor).mean()), 1e-3, 1e3).astype(np.float32)
        makers = [trial.makers[name] for name in group]
        factors |= {node.input[0] if node.op_type == "Relu" else node.output[0]: factor for node in makers}
    return factors


def _activations(trial: Trial, names: Sequence[str], weights: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """The scale and the zero point of each at the least square error."""
    chance = np.random.default_rng(0)
    drawn: dict[str, list[FloatArray]] = defaultdict(list)
    for tensors in trial.seen(names, weights):
        for name, tensor in zip(names, tensors, strict=True):
            values = tensor.ravel()
            drawn[name] += [chance.choice(values, DRAWN), np.array([values.min(), values.max()], np.float32)]
    return {name: _bounds(np.concatenate(drawn[name])) for name in names}


def _bounds(values: FloatArray) -> FloatArray:
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    best, least = np.zeros(2, np.float32), np.inf
    for share in BOUNDS:
        scale = max((high - low) * share / 255, 1e-9)
        zero = np.clip(np.rint(-low * share / scale), 0, 255)
        whole = np.clip(np.rint(values / scale) + zero, 0, 255)
        error = float(np.square((whole - zero) * scale - values).mean())
        if error < least:
            best, least = np.array([scale, zero], np.float32), error
    return best


def grids(weight: FloatArray) -> FloatArray:
    """The scale of each output channel at the least square error, no two neighbours being too large together."""
    rows = weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)
    largest = np.abs(rows).max(axis=1)
    finest = np.maximum(largest, LEAST_GRID * largest.max()) / MOST
    best, least = finest, np.full(len(rows), np.inf)
    for multiple in GRIDS:
        scales = (finest * multiple).astype(np.float32)
        whole = np.clip(np.rint(rows / scales[:, None]), -MOST, MOST)
        errors = np.square(whole * scales[:, None] - rows).sum(axis=1)
        if weight.shape[1] > 1:  # one channel's products are not added in twos
            errors[too_large(whole)] = np.inf
        best, least = np.where(errors < least, scales, best), np.minimum(errors, least)
    return best.astype(np.float32)


def too_large(whole: FloatArray) -> np.ndarray:
    """The rows that have two neighbours of one sign beyond MOST_OF_TWO together."""
    before, after = whole[:, :-1], whole[:, 1:]
    return np.asarray(((before * after > 0) & (np.abs(before + after) > MOST_OF_TWO)).any(axis=1))


if __name__ == "__main__":
    main()
