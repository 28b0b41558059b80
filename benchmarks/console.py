"""The console's build and its pages: `make bench-console`.

What a first visit and each page load, gzipped; whether two builds are the same; and Lighthouse's judgement of each page
on a phone (its own simulation: 4 times slower processor, slow 4G), with the server beside it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.console_server import COLLECTION, Person, console_server
from benchmarks.markdown import bullet, table
from benchmarks.material import ROOT

WEB, BUILT = ROOT / "web", ROOT / "regard" / "console" / "dist"
LIGHTHOUSE = "lighthouse@12.2.3"
#: What the document itself names: the pages' own files stand in its script, and are fetched where a page asks for them.
_NAMED = re.compile(r'(?:src|href)="\./assets/([^"]+)"')
PAGES = (
    "start", "search", "review", "cases", "authorisations", "collections", f"collections/{COLLECTION}",
    f"collections/{COLLECTION}/people", "library", "video", "ledger", "reports", "staff", "suspensions", "incidents",
    "accuracy", "health", "you",
)  # fmt: skip
#: Milliseconds after which a page is there: the stream of what changes never ends, and Lighthouse would wait for it.
LOADED = 10_000
#: Now and then Chromium's trace lacks the moment that a page was opened at, and Lighthouse asks to be run again.
TRIES = 3
SCORES = ("performance", "accessibility", "best-practices")
MEASURES = {
    "largest-contentful-paint": "LCP, s", "total-blocking-time": "TBT, ms", "cumulative-layout-shift": "CLS",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lighthouse", type=Path, help="where npm has it already: a folder with node_modules")
    parser.add_argument("--only", nargs="*", default=[], help="just the judgement of these pages, such as search")
    options = parser.parse_args()
    if not options.only:
        sizes()
        same_twice()
    with tempfile.TemporaryDirectory() as folder:
        place = options.lighthouse or installed(Path(folder))
        with console_server(Path(folder) / "home") as person:
            judged(place / "node_modules" / ".bin" / "lighthouse", person, options.only)


def sizes() -> None:
    files = {file.name: file for file in (BUILT / "assets").iterdir()}
    found = {name: gzipped(file) for name, file in files.items() if f"{name}.br" in files}
    named = _NAMED.findall((BUILT / "index.html").read_text(encoding="utf-8"))
    first = {name: size for name, size in found.items() if name in named}
    largest = sorted(found.items(), key=lambda each: -each[1])
    rows = [(name.partition("-")[0], f"{size / 1000:.1f}") for name, size in largest if size > 1000]
    table("Files of more than 1 kB, gzip -9", ("file", "kB"), rows)
    together, everything = sum(first.values()) / 1000, sum(found.values()) / 1000
    brotli = sum(files[f"{name}.br"].stat().st_size for name in first) / 1000
    bullet(f"a first visit, script and style: {together:.1f} kB, {brotli:.1f} as Brotli")
    bullet(f"all {len(found)} files: {everything:.1f} kB")


def gzipped(file: Path) -> int:
    return len(gzip.compress(file.read_bytes(), 9))


def same_twice() -> None:
    """Build into two folders, and compare every file."""
    with tempfile.TemporaryDirectory() as folder:
        built = [digests(Path(folder) / name) for name in ("first", "second")]
    same = built[0] == built[1]
    bullet(f"two builds of {len(built[0])} files: {'the same hashes' if same else 'different files'}")
    if not same:
        raise SystemExit("The build is not reproducible.")


def digests(into: Path) -> dict[str, str]:
    command = ["npx", "vite", "build", "--logLevel", "error", "--outDir", str(into), "--emptyOutDir"]
    subprocess.run(command, cwd=WEB, check=True)
    files = [file for file in into.rglob("*") if file.is_file()]
    return {str(file.relative_to(into)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def installed(folder: Path) -> Path:
    """Lighthouse, fetched by npm."""
    subprocess.run(["npm", "init", "--yes"], cwd=folder, check=True, capture_output=True)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", LIGHTHOUSE], cwd=folder, check=True)
    return folder


def judged(lighthouse: Path, person: Person, only: list[str]) -> None:
    cookie = {"Cookie": person.cookie}
    rows = [] if only else [judgement(lighthouse, "sign in", person.url, {})]
    for page in only or PAGES:
        rows.append(judgement(lighthouse, page, f"{person.url}#/{page}", cookie))
        bullet(", ".join(rows[-1]))
    table("Lighthouse 12.2.3, mobile", ("page", *SCORES, *MEASURES.values()), rows)


def judgement(lighthouse: Path, name: str, url: str, headers: dict[str, str]) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder:
        report, extra = Path(folder) / "report.json", Path(folder) / "headers.json"
        extra.write_text(json.dumps(headers), encoding="utf-8")
        command = [
            lighthouse, url, "--quiet", "--output=json", f"--output-path={report}", f"--extra-headers={extra}",
            f"--only-categories={','.join(SCORES)}", f"--max-wait-for-load={LOADED}",
            "--chrome-flags=--headless=new --no-sandbox",
        ]  # fmt: skip
        chromium = shutil.which("chromium") or shutil.which("google-chrome") or ""
        for left in reversed(range(TRIES)):
            done = subprocess.run(command, check=not left, env=os.environ | {"CHROME_PATH": chromium}, timeout=180)
            if done.returncode == 0:
                break
        told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    for category in SCORES:
        for fault in faults(told, category):
            bullet(f"{name}, {category}: {fault}")
    scores = [f"{round(100 * told['categories'][each]['score'])}" for each in SCORES]
    lcp, tbt, cls = (told["audits"][each]["numericValue"] for each in MEASURES)
    return name, *scores, f"{lcp / 1000:.2f}", f"{tbt:.0f}", f"{cls:.3f}"


def faults(told: dict[str, Any], category: str) -> list[str]:
    """What a category that is not perfect lacks."""
    if told["categories"][category]["score"] == 1 or category == "performance":
        return []
    audits = [told["audits"][each["id"]] for each in told["categories"][category]["auditRefs"] if each["weight"]]
    return [str(each["title"]) for each in audits if each["score"] is not None and each["score"] < 1]


if __name__ == "__main__":
    main()
