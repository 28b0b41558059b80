"""A network of one hidden layer, fitted by Adam (Kingma and Ba 2015): enough for a thousand numbers in and one out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HIDDEN, ROUNDS, BATCH = 48, 50, 512
#: The first step; it falls to nothing in a straight line.
STEP = 3e-3
#: How fast what is remembered of slopes and of their squares is forgotten, and how much weights are held small.
SLOPES, SQUARES, DECAY = 0.9, 0.999, 0.03

_Numbers = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Network:
    """y = max(0, x · `weights` + `biases`) · `answers` + `constant`; `weights` are D×H."""

    weights: _Numbers
    biases: _Numbers
    answers: _Numbers
    constant: float


def fitted(inputs: _Numbers, wanted: _Numbers) -> Network:
    """The network from N×D numbers to N, at nearly the least square error; the same every time."""
    middle, spread = inputs.mean(axis=0), inputs.std(axis=0)
    centre, reach = wanted.mean(), wanted.std()
    x, y = ((inputs - middle) / spread).astype(np.float32), ((wanted - centre) / reach).astype(np.float32)
    chance = np.random.default_rng(0)
    wide = x.shape[1]
    first, answers = chance.normal(0, wide**-0.5, (wide, HIDDEN)), chance.normal(0, HIDDEN**-0.5, HIDDEN)
    weights = [each.astype(np.float32) for each in (first, np.zeros(HIDDEN), answers, np.zeros(1))]
    slopes, squares = ([np.zeros_like(each) for each in weights] for _ in range(2))
    step = 0
    for turn in range(ROUNDS):
        for rows in np.array_split(chance.permutation(len(x)), max(1, len(x) // BATCH)):
            step += 1
            for index, slope in enumerate(_slopes(weights, x[rows], y[rows])):
                slopes[index] = SLOPES * slopes[index] + (1 - SLOPES) * slope
                squares[index] = SQUARES * squares[index] + (1 - SQUARES) * slope**2
                size = np.sqrt(squares[index] / (1 - SQUARES**step)) + 1e-8
                weights[index] -= np.float32(STEP * (1 - turn / ROUNDS) / (1 - SLOPES**step)) * slopes[index] / size
    scaled = weights[0] / spread[:, None].astype(np.float32)
    biases = (weights[1] - middle @ scaled).astype(np.float32)
    return Network(scaled, biases, reach * weights[2], float(reach * weights[3][0] + centre))


def _slopes(weights: list[_Numbers], x: _Numbers, y: _Numbers) -> tuple[_Numbers, ...]:
    """Of the mean square error over these rows, by each of the weights."""
    first, biases, answers, constant = weights
    inside = x @ first + biases
    seen = np.maximum(inside, 0)
    wrong = 2 * (seen @ answers + constant - y) / len(x)
    back = np.outer(wrong, answers) * (inside > 0)
    return x.T @ back + DECAY * first, back.sum(axis=0), seen.T @ wrong, np.array([wrong.sum()])
