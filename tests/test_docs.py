"""The pages held to the code: what can be set, typed, called or met is documented, and every link leads somewhere."""

from __future__ import annotations

import ast
import re
import runpy
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from regard import errors
from regard.accountability.permissions import PERMISSIONS
from regard.cli import COMMANDS
from regard.config.layers import variable
from regard.config.moved_settings import MOVED
from regard.config.sections import PACKS, SECTIONS, ModelSettings
from regard.engine.analysis.quality_filter import BARS
from regard.errors import RegardError
from regard.operations.acts import ACTS
from regard.vision.cards import catalogue
from regard.vision.images.taxonomy import taxonomy
from regard.wire import schema

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
ADRS = sorted(page.name for page in (DOCS / "adr").glob("[0-9]*.md"))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def read(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """Without code, in which a bracket is no link."""
    return _CODE.sub("", _FENCE.sub("", text))


def section(text: str, heading: str) -> str:
    """What stands under a heading of any level, up to the next one; empty where it is missing."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def row(text: str, name: str) -> str:
    """The row of a table that begins with `name`, as code; empty where it is missing."""
    found = re.search(rf"^\| `{re.escape(name)}` \|.*$", text, re.MULTILINE)
    return found[0] if found else ""


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, table in SECTIONS.items() for key in table.model_fields]
)
def test_every_setting_is_documented_with_its_variable_and_default(name: str, key: str) -> None:
    default = SECTIONS[name].model_fields[key].default
    line = row(section(read("reference/settings.md"), f"`[{name}]`"), key)
    assert f"| `{variable(name, key)}` |" in line
    if isinstance(default, str | int):
        assert f"| `{default}` |" in line


def test_no_setting_is_documented_that_there_is_not() -> None:
    text = read("reference/settings.md")
    for name, table in SECTIONS.items():
        rows = re.findall(r"^\| `(\w+)` \| `REGARD_", section(text, f"`[{name}]`"), re.MULTILINE)
        assert rows == list(table.model_fields)
    assert re.findall(r"^## `\[(\w+)\]`$", text, re.MULTILINE) == list(SECTIONS)


def test_every_setting_of_version_0_1_is_documented_with_its_new_place() -> None:
    text = section(read("reference/settings.md"), "From version 0.1")
    rows = re.findall(r"^\| (`\w+`.*) \| (.*) \|$", text, re.MULTILINE)
    said = {old.strip("`"): new for olds, new in rows for old in olds.split(", ")}
    assert said == {
        old: f"the same, in `[{name}]`" if old == key else f"`[{name}] {key}`" for old, (name, key) in MOVED.items()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_toml_example_of_settings_has_just_settings_in_their_sections(page: Path) -> None:
    for language, code in _FENCE.findall(page.read_text(encoding="utf-8")):
        tables = tomllib.loads(code) if language == "toml" else {}
        for name in set(tables) & set(SECTIONS):
            SECTIONS[name].model_validate(tables[name])
        assert set(tables) & set(MOVED) - set(SECTIONS) == set()


def commands() -> dict[str, list[str]]:
    """Every command that can be typed, and its long options."""
    found = {}
    for name, (_, module, _) in COMMANDS.items():
        command = get_command(import_module(f"regard.commands.{module}").app)
        leaves = (
            {f"{name} {leaf}": each for leaf, each in command.commands.items()}
            if isinstance(command, TyperGroup)
            else {name: command}
        )
        for words, leaf in leaves.items():
            options = [option for parameter in leaf.params for option in parameter.opts if option.startswith("--")]
            found[words] = [option for option in options if option != "--help"]
    return found


@pytest.mark.parametrize(("words", "options"), commands().items(), ids=str)
def test_every_command_is_documented_with_all_its_options(words: str, options: list[str]) -> None:
    text = section(read("reference/commands.md"), f"`regard {words}`")
    assert "--home" in options or words == "ledger verify"  # which needs none
    assert [option for option in options if f"`{option}`" not in text] == []


@pytest.mark.parametrize("operation", ACTS)
def test_every_operation_is_documented_with_its_parameters_and_answer(operation: str) -> None:
    text = section(read("reference/parameters.md"), operation)
    model = schema.load().operations[operation]
    assert [name for name in model.input.members if not row(text, name)] == []
    answered = {name for name in model.output.members if "OrientationCorrection" not in name}
    assert [name for name in sorted(answered) if f"`{name}`" not in text] == []


def test_the_page_of_operations_is_the_one_that_is_generated() -> None:
    page = runpy.run_path(str(DOCS / "reference" / "operations.py"))["page"]()
    assert read("reference/operations.md") == page, "run `make docs`"
    assert all(f"`{name}`" in page for name in schema.load().operations)


def test_the_readme_says_how_many_operations_there_are() -> None:
    words, known = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split()), len(schema.load().operations)
    assert f"{len(ACTS)} of Rekognition's {known} operations" in words
    assert f"| operations | {known} | [{len(ACTS)} of them]" in read("guides/from-rekognition.md")


def test_the_readme_has_the_numbers_of_the_pages_that_explain_them() -> None:
    words = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    pairs = re.search(r"All pairs of different people: ([\d,]+)", read("accuracy.md"))
    mates = re.search(r"^\| 80 \| ([\d.]+ %) \|", read("guides/from-rekognition.md"), re.MULTILINE)
    assert pairs
    assert mates
    assert f"counted on {int(pairs[1].replace(',', '')) / 1e6:.1f} million pairs" in words
    assert f"At 80, {mates[1]} of mates are accepted" in words
    two_cores = read("performance.md").partition("\nTwo cores:\n")[2]
    for picture, count in (("640×480", "1 face"), ("1920×1080", "10 faces")):
        line = re.search(rf"^\| {picture}, {count} \| search \|.*\|$", two_cores, re.MULTILINE)
        assert line
        assert f"{picture} photograph" in words
        assert f"{float(line[0].split('|')[-4]):.0f} ms" in words


def test_the_guide_says_how_many_labels_there_are() -> None:
    known = len(taxonomy().entries)
    assert f"{known} of Amazon's 3,082" in read("guides/labels.md")
    assert f"Of most of the {known} labels" in " ".join(read("accuracy.md").split())


def test_every_attribute_of_a_face_is_documented() -> None:
    text = section(read("reference/parameters.md"), "DetectFaces")
    attributes = schema.load().operations["DetectFaces"].input.members["Attributes"].element
    assert attributes is not None
    assert [name for name in attributes.enum if f"`{name}`" not in text] == []


def test_every_route_of_the_native_api_is_documented_and_no_other() -> None:
    rows = re.findall(r"^\| (`[A-Z]+ /v1[^|]*) \|", read("reference/native-api.md"), re.MULTILINE)
    found = [name for row in rows for name in re.findall("`([^`]*)`", row)]
    assert sorted(found) == sorted(PERMISSIONS.routes)


def test_every_fact_and_member_of_a_ledgers_entry_is_documented() -> None:
    said = read("guides/ledger.md")
    facts = set().union(*map(_facts, (ROOT / "regard").rglob("*.py")))
    assert {"candidates", "profile_chosen", "withdrawn_from", "closed"} <= facts
    assert sorted(each for each in facts if f"`facts.{each}`" not in said) == []
    members = ("person", "roles", "service", "authorisation", "purpose", "on_behalf_of", "profile_sha256", "clock")
    assert [each for each in members if f"`{each}`" not in said] == []


def _facts(file: Path) -> set[str]:
    """What the code of a file has entries say: names of arguments to `note`, and keys of what is given to it whole."""
    nodes = ast.walk(ast.parse(file.read_text("utf-8")))
    calls = [each for each in nodes if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)]
    notes = [each for each in calls if isinstance(each.func, ast.Attribute) and each.func.attr == "note"]
    named = {word.arg for each in notes for word in each.keywords if word.arg is not None}
    given = [part for each in notes for part in (*each.args, *(word.value for word in each.keywords if not word.arg))]
    tables = [each for part in given for each in ast.walk(part) if isinstance(each, ast.Dict)]
    keys = (key.value for each in tables for key in each.keys if isinstance(key, ast.Constant))
    return named | {str(each) for each in keys}


def test_every_pack_is_documented_with_what_it_costs() -> None:
    text = section(read("guides/models.md"), "Packs")
    assert [pack for pack in PACKS if not row(text, pack)] == []


def test_every_error_code_is_documented() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RegardError)]
    text = read("reference/errors.md")
    assert sorted({kind.code for kind in kinds if f"`{kind.code}`" not in text}) == []


@pytest.mark.parametrize("level", BARS)
def test_every_level_of_the_quality_filter_is_documented_with_its_bars(level: str) -> None:
    bar = BARS[level]
    cells = [cell.strip() for cell in row(read("reference/quality.md"), level).strip("|").split("|")]
    wanted = ["–"] * 6
    if bar:
        numbers = (bar.pixels, bar.score * 100, bar.brightness, bar.sharpness)
        wanted = [*(f"{value:g}" for value in numbers), f"{bar.max_turn:g}°", f"{bar.utility:g}"]
    assert cells == [f"`{level}`", *wanted]


def test_the_calibration_shown_is_the_default_embedders() -> None:
    calibration = catalogue()[ModelSettings().embedder].calibration
    shown = re.findall(r"^\| (−?[\d.]+) \| ([\d.]+) \|", section(read("accuracy.md"), "The calibration"), re.MULTILINE)
    assert calibration is not None
    assert [(float(cosine.replace("−", "-")), float(rate)) for cosine, rate in shown] == list(calibration.points)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_of_a_page_is_there(page: Path) -> None:
    lost = []
    for target in _LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        there = file.is_file() and file.is_relative_to(ROOT)
        if not there or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            lost.append(target)
    assert lost == []


def test_every_page_is_reached_from_the_index() -> None:
    reached, left = set(), [DOCS / "index.md"]
    while left:
        page = left.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            links = _LINK.findall(prose(page.read_text(encoding="utf-8")))
            left += [(page.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link]
    assert sorted(set(PAGES) - reached - {ROOT / "README.md"}) == []


def test_every_decision_is_listed_and_has_all_its_parts() -> None:
    listed = re.findall(r"\[\d{4}\]\((\d{4}-[^)]+)\)", read("adr/README.md"))
    assert listed == ADRS
    for number, name in enumerate(ADRS, 1):
        text = read(f"adr/{name}")
        assert text.startswith(f"# {number:04}: ")
        assert name.startswith(f"{number:04}-")
        for heading in ("Context", "Decision", "Consequences", "Alternatives"):
            assert section(text, heading).strip(), f"{name} has no {heading}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_python_example_compiles(page: Path) -> None:
    for language, code in _FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            compile(code, str(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"(?:^    |`|&& )make ([\w-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
