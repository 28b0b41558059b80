"""A server in 1, 2 and 4 GB and large pictures all at once: `make bench-memory`.

For each limit a server is started in a control group of its own, made by hand, where this machine lets us (as root);
elsewhere with the setting `memory` alone, and the table says so. Thirty-two pictures of up to 67 megapixels are sent
at once, of every kind that costs more than it weighs, while a small one is sent again and again. Nothing may be killed,
and each must be answered: with 200, or told to come back (Throttling).
"""

from __future__ import annotations

import argparse
import io
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import boto3
import PIL.Image
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from benchmarks.material import MODELS

GB = 1 << 30
SIDE = 8192
GROUPS = {  # the folder of control groups, what must be there, and the file of the limit
    "version 2": (Path("/sys/fs/cgroup"), "memory.max"),
    "version 1": (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
}
SETTLING_SECONDS = 8
console = Console(width=160)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[1, 2, 4])
    chosen = parser.parse_args()
    kinds = pictures()
    table = Table(title=f"{chosen.pictures} large pictures at once")
    for name in (
        "limit",
        "held by",
        "answers",
        "seconds",
        "small: n, p50, longest",
        "MB before",
        "peak",
        "after",
        "killed",
    ):
        table.add_column(name)
    killed = False
    for limit in chosen.gigabytes:
        row, dead = measured(int(limit * GB), list(kinds.values()), chosen.pictures)
        killed |= dead
        table.add_row(f"{limit:g} GB", *row)
        console.print(table)
    return 1 if killed else 0


def pictures() -> dict[str, bytes]:
    """Flat pictures of 67 megapixels; small files, and as dear to decode as any."""
    colour = PIL.Image.new("RGB", (SIDE, SIDE), (120, 130, 140))
    return {
        "PNG": _encoded(colour, "PNG"),
        "transparent PNG": _encoded(colour.convert("RGBA"), "PNG"),
        "PNG of 16 bits": _png16(),
        "progressive JPEG": _encoded(colour, "JPEG", progressive=True),
        "JPEG": _encoded(colour, "JPEG"),
    }


_KEY = re.compile(r"(?:AccessKeyId|SecretAccessKey):\s+(\S+)")


def _encoded(picture: PIL.Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _png16() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compressobj(9)
    body = b"".join([rows.compress(bytes(1 + 6 * SIDE)) for _ in range(SIDE)] + [rows.flush()])
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def measured(limit: int, large: list[bytes], count: int) -> tuple[list[str], bool]:
    small = _encoded(PIL.Image.new("RGB", (640, 480), (120, 130, 140)), "JPEG")
    with group(limit) as (name, folder), server(limit, folder) as (process, connect):
        light = connect("light")
        for _ in range(3):
            light.detect_faces(Image={"Bytes": small})
        time.sleep(SETTLING_SECONDS)
        before = status(process.pid, "VmRSS")
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        answers: Counter[str] = Counter()
        clients = [connect("heavy") for _ in range(count)]

        def send(number: int) -> None:
            answers[answer(clients[number], large[number % len(large)])] += 1

        threads = [threading.Thread(target=send, args=(number,)) for number in range(count)]
        begun, waits = time.monotonic(), []
        for each in threads:
            each.start()
        while any(each.is_alive() for each in threads) and process.poll() is None:
            since = time.monotonic()
            answers[f"small: {answer(light, small)}"] += 1
            waits.append(time.monotonic() - since)
            time.sleep(0.2)
        for each in threads:
            each.join()
        seconds = time.monotonic() - begun
        dead = process.poll() is not None
        peak = after = 0.0
        if not dead:
            time.sleep(SETTLING_SECONDS)
            peak, after = status(process.pid, "VmHWM"), status(process.pid, "VmRSS")
        said = ", ".join(f"{what}: {times}" for what, times in sorted(answers.items()))
        row = [name, said, f"{seconds:.0f}", f"{len(waits)}, {median(waits):.2f} s, {max(waits):.2f} s"]
        return [*row, f"{before:.0f}", f"{peak:.0f}", f"{after:.0f}", "yes" if dead else "no"], dead


def answer(client: object, data: bytes) -> str:
    try:
        client.detect_faces(Image={"Bytes": data})  # type: ignore[attr-defined]
    except ClientError as error:
        return str(error.response["Error"]["Code"]).removesuffix("Exception")
    except BotoCoreError as error:
        return type(error).__name__
    return "200"


@contextmanager
def group(limit: int) -> Iterator[tuple[str, Path | None]]:
    """A control group with that limit, and what it is called; None where we may make none."""
    for name, (root, file) in GROUPS.items():
        folder = root / f"regard-bench-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            if not (folder / file).exists():
                continue
            (folder / file).write_text(str(limit))
            yield f"control group, {name}", folder
            return
        finally:
            folder.rmdir()
    yield "the setting alone", None


@contextmanager
def server(limit: int, folder: Path | None) -> Iterator[tuple[subprocess.Popen[str], object]]:
    """`regard serve` in that group, and what makes a client of it, of the key of that name, that tries only once."""
    with tempfile.TemporaryDirectory() as home:
        settings = {"REGARD_HOME": home, "REGARD_MODELS_FOLDER": str(MODELS)}
        command = [sys.executable, "-m", "regard", "serve", "--port", "0"]
        if folder is None:
            settings["REGARD_SERVER_MEMORY"] = str(int(0.5 * limit))
        else:
            command = ["sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$@"', "sh", *command]
        process = subprocess.Popen(
            command, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            told = _told(process)
            endpoint = re.search(r"http://\S+", told)
            if endpoint is None:
                raise SystemExit(f"The server did not start: {told}")
            made = [sys.executable, "-m", "regard", "keys", "create", "--name", "light"]
            light = subprocess.run(
                made, env=os.environ | settings, stdout=subprocess.PIPE, text=True, check=True
            ).stdout
            keys = {name: _KEY.findall(text) for name, text in (("heavy", told), ("light", light))}

            def connect(name: str) -> object:
                return boto3.client(
                    "rekognition",
                    endpoint_url=endpoint[0],
                    region_name="us-east-1",
                    aws_access_key_id=keys[name][0],
                    aws_secret_access_key=keys[name][1],
                    config=Config(retries={"total_max_attempts": 1}, read_timeout=300),
                )

            yield process, connect
        finally:
            process.terminate()
            process.wait(60)


def _told(process: subprocess.Popen[str]) -> str:
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if "FaceMatches" in line:
            break
    return "".join(lines)


def status(pid: int, name: str) -> float:
    """A line of the process's status, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(name))


if __name__ == "__main__":
    sys.exit(main())
