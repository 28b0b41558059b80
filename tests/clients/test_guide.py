"""The examples of docs/guides/aws-clients.md, run as they stand but for the server's address and key."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from live_server import Live
from people import crowd, encoded

from .cli_driver import Cli
from .installing import HERE, javascript_sdk, old_boto3, old_javascript_sdk

pytestmark = pytest.mark.slow

GUIDE = (HERE.parents[1] / "docs" / "guides" / "aws-clients.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(live: Live, portrait: bytes, tmp_path: Path) -> Path:
    """Where the examples find their pictures."""
    (tmp_path / "ada.jpg").write_bytes(portrait)
    (tmp_path / "photo.jpg").write_bytes(encoded(crowd(1, 2, 160), quality=95))
    live.put("2024/wedding.jpg", portrait)
    return tmp_path


def examples(language: str, live: Live) -> str:
    """All the guide's examples in one language, one after the other."""
    text = "".join(re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))
    assert text
    text = text.replace("YOUR_ACCESS_KEY_ID", live.key).replace("YOUR_SECRET_ACCESS_KEY", live.secret)
    return text.replace("http://127.0.0.1:8080", live.url)


def output(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_for_python_work(live: Live, cli: Cli, folder: Path) -> None:
    output([sys.executable, "-c", examples("python", live)], folder, cli.environment())


def test_the_examples_for_the_cli_work(live: Live, cli: Cli, folder: Path) -> None:
    environment = cli.environment() | {"AWS_ENDPOINT_URL_REKOGNITION": live.url, "AWS_DEFAULT_REGION": "us-east-1"}
    printed = output(["bash", "-euc", examples("sh", live)], folder, environment)
    for word in ('"FaceMatches": [\n        {', '"UserMatches": [\n        {', "assumed-role/analyst/ada"):
        assert word in printed


def test_the_examples_for_javascript_work(live: Live, cli: Cli, folder: Path) -> None:
    (folder / "node_modules").symlink_to(javascript_sdk() / "node_modules")
    (folder / "example.mjs").write_text(examples("javascript", live), encoding="utf-8")
    listed, match = output(["node", "example.mjs"], folder, cli.environment()).splitlines()
    assert listed.endswith(" ada")
    assert re.fullmatch(r"(9\d|100)\.\d ada", match)


FROM_REKOGNITION = (HERE.parents[1] / "docs" / "guides" / "from-rekognition.md").read_text(encoding="utf-8")


def test_the_guide_shows_where_the_cli_sends(live: Live, cli: Cli, folder: Path) -> None:
    (line,) = re.findall(r"^```sh\n(.*?)^```$", FROM_REKOGNITION, re.MULTILINE | re.DOTALL)
    environment = cli.environment() | {"AWS_ENDPOINT_URL_REKOGNITION": live.url, "AWS_DEFAULT_REGION": "us-east-1"}
    printed = output(["bash", "-euc", line], folder, environment).splitlines()
    assert set(printed) == {f"'url': '{live.url}/'"}


def test_a_boto3_that_is_too_old_sends_elsewhere_as_the_guide_says(live: Live, cli: Cli, folder: Path) -> None:
    line, *_ = re.findall(r"^```python\n(.*?)^```$", FROM_REKOGNITION, re.MULTILINE | re.DOTALL)
    environment = cli.environment() | {"AWS_ENDPOINT_URL_REKOGNITION": live.url, "AWS_DEFAULT_REGION": "us-east-1"}
    assert output([sys.executable, "-c", line], folder, environment) == f"{live.url}\n"
    shown = output([str(old_boto3()), "-c", line], folder, environment)
    assert shown == "https://rekognition.us-east-1.amazonaws.com\n"
    assert "| boto3 | from 1.28 |" in FROM_REKOGNITION


WHERE = """
import { ListCollectionsCommand, RekognitionClient } from "@aws-sdk/client-rekognition";
const requestHandler = { handle: async ({ protocol, hostname }) => { throw new Error(`${protocol}//${hostname}`); } };
const client = new RekognitionClient({ requestHandler, maxAttempts: 1 });
await client.send(new ListCollectionsCommand({})).catch((error) => console.log(error.message));
"""


def test_a_javascript_sdk_that_is_too_old_sends_elsewhere_as_the_guide_says(live: Live, cli: Cli, folder: Path) -> None:
    environment = cli.environment() | {"AWS_ENDPOINT_URL_REKOGNITION": live.url, "AWS_REGION": "us-east-1"}
    shown = []
    for name, sdk in (("new", javascript_sdk()), ("old", old_javascript_sdk())):
        (place := folder / name).mkdir()
        (place / "node_modules").symlink_to(sdk / "node_modules")
        (place / "where.mjs").write_text(WHERE, encoding="utf-8")
        shown.append(output(["node", "where.mjs"], place, environment))
    assert shown == ["http://127.0.0.1\n", "https://rekognition.us-east-1.amazonaws.com\n"]
    assert "`@smithy/middleware-endpoint` 2.1 (October 2023)" in FROM_REKOGNITION


PYTHON = 'import boto3; print(boto3.client("rekognition").list_collections())'
JAVASCRIPT = """
import { ListCollectionsCommand, RekognitionClient } from "@aws-sdk/client-rekognition";
console.log(JSON.stringify(await new RekognitionClient().send(new ListCollectionsCommand())));
"""


@pytest.mark.parametrize(
    "command",
    [[sys.executable, "-c", PYTHON], ["aws", "rekognition", "list-collections"], ["node", "example.mjs"]],
    ids=["boto3", "aws-cli", "javascript"],
)
def test_every_client_reads_the_profile(
    live: Live, cli: Cli, folder: Path, collection: str, command: list[str]
) -> None:
    (folder / "node_modules").symlink_to(javascript_sdk() / "node_modules")
    (folder / "example.mjs").write_text(JAVASCRIPT, encoding="utf-8")
    (folder / "config").write_text(examples("ini", live), encoding="utf-8")
    environment = cli.environment() | {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_PROFILE": "regard"}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del environment[name]
    assert collection in output(command, folder, environment)
