"""What programs written for Rekognition read of a face: landmarks, every attribute, and those that no model tells."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_server import with_models
from people import encoded, head
from toy_graphs import glasses
from typer.testing import CliRunner

from regard.bootstrap.accountability import answers_untold
from regard.cli import app
from regard.config.settings import load_settings
from regard.errors import SettingsError

PORTRAIT = encoded(head(400), quality=92)
#: Each is an object with a Value and a Confidence.
VALUED = (
    *("Smile", "Eyeglasses", "Sunglasses", "Gender", "Beard", "Mustache", "EyesOpen", "MouthOpen", "FaceOccluded"),
)
UNTOLD = {"Beard", "Mustache", "Eyeglasses", "Sunglasses"}
UNKNOWN = {"untold_attributes": "unknown"}


def read_unguarded(face: dict[str, Any]) -> list[str]:
    """A line for each attribute, in the manner of AWS's own examples: nothing is looked for before it is read."""
    lines = [f"The face is between {face['AgeRange']['Low']} and {face['AgeRange']['High']} years old"]
    lines += [f"{name}: {face[name]['Value']} ({face[name]['Confidence']:.1f} %)" for name in VALUED]
    lines += [f"{emotion['Type']}: {emotion['Confidence']:.1f} %" for emotion in face["Emotions"]]
    gaze = face["EyeDirection"]
    lines.append(f"Eyes: {gaze['Yaw']:.0f}, {gaze['Pitch']:.0f} ({gaze['Confidence']:.1f} %)")
    mark = {each["Type"]: each for each in face["Landmarks"]}
    lines.append(f"Pupils: {mark['leftPupil']['X']:.3f} {mark['rightPupil']['X']:.3f}")
    return lines


def detected(client: Any, **request: Any) -> dict[str, Any]:
    (face,) = client.detect_faces(**({"Image": {"Bytes": PORTRAIT}, "Attributes": ["ALL"]} | request))["FaceDetails"]
    return dict(face)


def test_a_frontal_portrait_has_thirty_landmarks_and_its_pupils_at_the_points_of_the_eyes(client: Any) -> None:
    face = detected(client)
    at = {mark["Type"]: np.array([mark["X"], mark["Y"]]) for mark in face["Landmarks"]}
    enum = client.meta.service_model.shape_for("LandmarkType").enum
    assert sorted(at) == sorted(enum)
    assert len(at) == len(face["Landmarks"]) == 30
    width = face["BoundingBox"]["Width"]
    for pupil, eye in (("leftPupil", "eyeLeft"), ("rightPupil", "eyeRight")):
        assert np.linalg.norm(at[pupil] - at[eye]) < 0.06 * width
    usual = {mark["Type"]: mark for mark in detected(client, Attributes=["DEFAULT"])["Landmarks"]}
    assert set(usual) == {"eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight"}
    assert [mark for mark in face["Landmarks"] if mark["Type"] in usual] == list(usual.values())


def test_everything_that_is_told_has_a_confidence(client: Any) -> None:
    face = detected(client)
    for name in ("Smile", "EyesOpen", "MouthOpen", "FaceOccluded", "Gender"):
        assert 50 <= face[name]["Confidence"] < 100, name
    assert (face["EyesOpen"]["Value"], face["MouthOpen"]["Value"], face["FaceOccluded"]["Value"]) == (True, True, False)
    assert set(face["EyeDirection"]) == {"Yaw", "Pitch", "Confidence"}
    assert abs(face["EyeDirection"]["Yaw"]) < 20
    assert face["EyeDirection"]["Confidence"] <= 50
    assert {each["Type"] for each in face["Emotions"]} == {
        *("HAPPY", "SAD", "ANGRY", "CONFUSED", "DISGUSTED", "SURPRISED", "CALM", "FEAR")
    }


@pytest.mark.parametrize(
    ("whole_width", "colour"),
    [(False, (150, 185, 215)), (False, (240, 240, 240)), (True, 0), (True, 128)],
    ids=["a blue mask", "a white mask", "black", "grey"],
)
def test_a_face_whose_lower_half_is_covered_is_occluded(client: Any, whole_width: bool, colour: Any) -> None:
    box = detected(client)["BoundingBox"]
    left, top, width, height = (int(400 * box[side]) for side in ("Left", "Top", "Width", "Height"))
    picture = head(400).copy()
    middle = top + height // 2
    if whole_width:
        picture[middle:] = colour
    else:
        picture[middle : top + height, left : left + width] = colour
    covered = {"Bytes": encoded(picture, quality=92)}
    face = detected(client, Image=covered, Attributes=["FACE_OCCLUDED"])
    assert face["FaceOccluded"]["Value"] is True
    assert face["FaceOccluded"]["Confidence"] > 55


def test_a_program_that_reads_everything_unguarded_needs_the_setting(client: Any, models: Path, tmp_path: Path) -> None:
    told = detected(client)
    assert not UNTOLD & set(told)
    with pytest.raises(KeyError):
        read_unguarded(told)
    with with_models(models, tmp_path, server=UNKNOWN) as live:
        caller = live.client()
        face = detected(caller)
        assert len(read_unguarded(face)) == 20
        assert all(face[name] == {"Value": False, "Confidence": 50.0} for name in UNTOLD)
        assert {name: face[name] for name in told} == told
        assert set(detected(caller, Attributes=["BEARD"])) == {
            *("BoundingBox", "Confidence", "Landmarks", "Pose", "Quality", "Beard")
        }
        caller.create_collection(CollectionId="c")
        (record,) = caller.index_faces(
            CollectionId="c", Image={"Bytes": PORTRAIT}, DetectionAttributes=["ALL"], QualityFilter="NONE"
        )["FaceRecords"]
        assert read_unguarded(record["FaceDetail"])


def test_the_setting_is_refused_where_the_profile_forbids_it(tmp_path: Path) -> None:
    closed = load_settings({}, home=tmp_path, server=UNKNOWN, accountability={"profile": "closed"})
    with pytest.raises(SettingsError, match="'closed' forbids"):
        answers_untold(closed)
    assert answers_untold(load_settings({}, home=tmp_path, server=UNKNOWN)) is True
    assert answers_untold(load_settings({}, home=tmp_path, accountability={"profile": "closed"})) is False
    (tmp_path / "regard.toml").write_text(
        '[server]\nuntold_attributes = "unknown"\n[accountability]\nprofile = "closed"\n'
    )
    for command in ("serve", "doctor"):
        said = CliRunner().invoke(app, [command, "--home", str(tmp_path)])
        assert said.exit_code == 1
        assert "the profile 'closed' forbids" in " ".join((said.stdout + said.stderr).split())


@pytest.mark.slow
def test_the_log_says_that_the_setting_is_on(models: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "REGARD_HOME": str(tmp_path),
        "REGARD_MODELS_FOLDER": str(models),
        "REGARD_SERVER_UNTOLD_ATTRIBUTES": "unknown",
    }
    command = [sys.executable, "-m", "regard", "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        server.stdout.readline()  # it is ready
        server.terminate()
        assert 'untold_attributes is "unknown"' in server.stderr.read()


@pytest.fixture
def folder_with_glasses(models: Path, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A home whose catalogue has a model of glasses at an address that answers, and a folder of the core models."""
    served, folder, home = (tmp_path / name for name in ("served", "models", "home"))
    for each in (served, folder, home):
        each.mkdir()
    for file in models.iterdir():
        if file.is_file():
            (folder / file.name).symlink_to(file)
    content = glasses(served / "own_glasses.onnx").read_bytes()
    handler = partial(SimpleHTTPRequestHandler, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        (home / "models.toml").write_text(f"""
[own-glasses]
task = "glasses"
family = "face-attrib-net"
file = "own_glasses.onnx"
sha256 = "{hashlib.sha256(content).hexdigest()}"
licence = "MIT"
provenance = "Made for this test."
input = {{ width = 128, height = 128, channels = "RGB", mean = [0, 0, 0], std = [255, 255, 255] }}
sources = [{{ url = "http://127.0.0.1:{server.server_port}/own_glasses.onnx" }}]
""")
        yield home, folder
        server.shutdown()


@pytest.mark.slow
def test_a_model_of_glasses_that_is_fetched_from_its_address_is_used_by_the_next_start(
    folder_with_glasses: tuple[Path, Path],
) -> None:
    home, folder = folder_with_glasses
    with with_models(folder, home) as live:
        assert not {"Eyeglasses", "Sunglasses"} & set(detected(live.client()))
    command = [sys.executable, "-m", "regard", "models", "pull", "own-glasses", "--home", str(home)]
    subprocess.run(command, env=os.environ | {"REGARD_MODELS_FOLDER": str(folder)}, check=True, capture_output=True)
    with with_models(folder, home) as live:
        face = detected(live.client())
        assert face["Eyeglasses"] == {"Value": True, "Confidence": pytest.approx(80, abs=0.01)}
        assert face["Sunglasses"] == {"Value": False, "Confidence": pytest.approx(70, abs=0.01)}
        assert set(detected(live.client(), Attributes=["EYEGLASSES"])) >= {"Eyeglasses"}
    said = CliRunner().invoke(app, ["doctor", "--home", str(home)], env={"REGARD_MODELS_FOLDER": str(folder)})
    assert "Sunglasses" in said.stdout.split("not told")[0]
    assert "Beard, Mustache" in said.stdout.split("not told")[1]
