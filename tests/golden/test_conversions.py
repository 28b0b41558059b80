"""Converted models beside their originals: what TensorFlow.js 4.22, Keras 3, and PyTorch 2.13 with
efficientnet_lite_pytorch 0.1.0 gave for the same input.

The numbers are outputs of models whose licences their cards name: MIT and, of EfficientNet-Lite2, Apache-2.0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regard.domain.arrays import FloatArray
from regard.vision.cards import ModelCard, catalogue
from regard.vision.session import OnnxSession

#: For each model (mean, scale): the input is (numbers − mean) / scale.
INPUTS = {"faceres": (0, 1), "facemesh-attention-pinto": (0, 255), "face-mask": (127.5, 127.5), "emotion": (0, 255)}
INPUTS |= {"centernet": (0, 1), "nanodet": (116, 57), "efficientnet-lite2": (127, 128)}
#: Of each output the first numbers and the sum of all, for the picture that `picture` makes.
ORIGINAL = {
    "faceres": {
        "gender_pred/Sigmoid": ([0.6336604], 0.63366038),
        "global_pooling/Mean": ([0.0] * 6, 0.051609302),
        "age_pred/Softmax": ([0.01231365, 0.002246542, 0.001730130, 0.002659844, 0.01347399, 0.005643726], 1.0),
    },
    "facemesh-attention-pinto": {
        "output_left_eye": ([62.60986, 77.26117, 63.89961, 77.97157, 65.56535, 78.29225], 10445.003),
        "output_right_iris": ([123.7637, 69.66911, 128.4248, 69.88894, 123.9904, 65.18794], 966.92619),
        "output_mesh_identity": ([97.25117, 118.8001, -10.30078, 97.72279, 105.0492, -21.40290], 91698.364),
        "output_left_iris": ([76.77815, 72.13953, 81.91258, 71.94775, 76.88237, 68.15741], 744.40310),
        "conv_faceflag": ([-12.58984], -12.589845),
        "output_lips": ([73.45197, 119.9741, 75.42753, 121.4005, 78.60554, 123.1187], 17442.820),
        "output_right_eye": ([136.0628, 72.73499, 133.8439, 74.23356, 131.5100, 75.16649], 14132.656),
    },
    "emotion": {
        "Identity": ([0.0008951945, 0.5484176, 0.000008434326, 0.0006104242, 0.00001285843, 0.4500555], 0.99999998)
    },
    "centernet": {
        "tower_0/wh": ([1.309879, 2.754678, 5.191036, 6.538280, 3.764926, 1.455622], 7546710.32),
        "tower_0/keypoints": ([0.02435432, 0.01152964, 0.01273305, 0.006426967, 0.01136568, 0.006402186], 1531.29819),
        "tower_0/detections": ([95.21117, -9.809662, 445.5872, 508.6464, 0.04953720, 60.0], 96031.5595),
    },
    "nanodet": {
        "Identity_2": ([0.01185320, 0.006820759, 0.007312093, 0.006764335, 0.006559487, 0.005019490], 156.882703),
        "Identity_5": ([0.2155768, 0.6010209, 0.4648029, 0.3792449, 0.4553246, 0.2403450], -0.272768054),
        "Identity_1": ([0.008019130, 0.005603542, 0.004560008, 0.003699506, 0.005223360, 0.005166527], 380.449148),
        "Identity": ([0.02114657, 0.01189662, 0.01179113, 0.005424911, 0.008068660, 0.006485854], 831.744783),
        "Identity_4": ([-0.06469598, 0.1472588, 0.2250080, 0.7133687, 0.6261299, 0.2376472], -0.727556087),
        "Identity_3": ([3.483693, 3.085755, 0.5604934, 0.1144101, -0.1418541, -0.4678790], 0.310360263),
    },
    "efficientnet-lite2": {
        "features": ([0.0, 0.02825497, 0.5009638, 0.3301615, 0.02177226, 1.302985], 191.339279),
        "logits": ([-0.9890612, 0.2785983, -0.5291936, -1.188017, -0.09244624, -0.1068268], -80.0775890),
    },
    "face-mask": {"dense_1": ([0.62093532, 0.37906471], 1.0)},
}
#: Where sums of many products are rounded otherwise, by how much.
ROUNDED = {"centernet": 1e-4, "nanodet": 2e-5, "efficientnet-lite2": 2e-5}
CONVERTED = [card for card in catalogue().values() if card.format in ("tensorflow-js", "keras", "pytorch")]


def picture(card: ModelCard) -> FloatArray:
    """Its number i, in N×H×W×C, is 7919·i modulo 256, on the model's scale."""
    side, channels, (mean, scale) = card.input.width, len(card.input.mean), INPUTS[card.name]
    numbers = (np.arange(side * side * channels) * 7919 % 256 - mean) / scale
    return np.ascontiguousarray(numbers.astype(np.float32).reshape(1, side, side, channels).transpose(0, 3, 1, 2))


def test_every_converted_card_has_its_originals_output_here() -> None:
    assert {card.name for card in CONVERTED} == set(ORIGINAL)


@pytest.mark.parametrize("card", CONVERTED, ids=lambda card: card.name)
def test_a_converted_model_gives_what_its_original_gives(card: ModelCard, models: Path) -> None:
    session = OnnxSession(card.files_in(models))
    outputs = dict(zip(session.outputs, session.run(picture(card)), strict=True))
    assert outputs.keys() == ORIGINAL[card.name].keys()
    for name, (first, total) in ORIGINAL[card.name].items():
        reach = ROUNDED.get(card.name, 1e-6)
        np.testing.assert_allclose(outputs[name].ravel()[: len(first)], first, rtol=2e-6, atol=reach, err_msg=name)
        assert outputs[name].sum(dtype=np.float64) == pytest.approx(total, rel=1e-5, abs=100 * reach), name
