"""The CSV file of `--external-id`: what it may look like, and how each fault is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from regard.commands.id_table import read_table
from regard.engine.bulk.folder_walk import walk
from regard.errors import InvalidParameter

NAMES = ("anna.jpg", "ben.jpg", "börn.jpg", "with, comma.jpg")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    (place / "deep").mkdir(parents=True)
    for name in (*NAMES, "deep/dora.jpg"):
        (place / name).write_bytes(b"x")
    return place


def read(folder: Path, content: str | bytes) -> dict[str, str | None]:
    """Name to id, as `names.csv` says."""
    data = content if isinstance(content, bytes) else content.encode()
    ids = read_table(Path("names.csv"), data, folder, walk(folder)[0])
    return {Path(path).name: identifier for path, identifier in ids.items()}


def fault(folder: Path, content: str | bytes) -> str:
    with pytest.raises(InvalidParameter) as raised:
        read(folder, content)
    return raised.value.message


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        ("path,external_id\nanna.jpg,a\nben.jpg,\n", {"anna.jpg": "a", "ben.jpg": None}),
        ("path,external_id\r\nanna.jpg,a\r\n\r\n", {"anna.jpg": "a"}),
        ("path,external_id\ranna.jpg,a\r", {"anna.jpg": "a"}),
        ("External_ID , Path\na,anna.jpg", {"anna.jpg": "a"}),
        ("path;external_id\nanna.jpg;a\n", {"anna.jpg": "a"}),
        ("path\texternal_id\nanna.jpg\ta\n", {"anna.jpg": "a"}),
        ("path,external_id,note\nanna.jpg,a,hello\n", {"anna.jpg": "a"}),
        ('path,external_id\n"with, comma.jpg","a"\n', {"with, comma.jpg": "a"}),
        ("path,external_id\ndeep/dora.jpg,d\n./anna.jpg,a\n", {"dora.jpg": "d", "anna.jpg": "a"}),
        ("path,external_id\nanna.jpg,crm:17\n", {"anna.jpg": "crm:17"}),
        ('path,external_id\nanna.jpg,"Müller, Anna"\n', {"anna.jpg": "Mu:CC:88ller:2C::Anna"}),
        ("\ufeffpath,external_id\nanna.jpg,a\n", {"anna.jpg": "a"}),
        ("path,external_id\nbörn.jpg,b\n".encode("utf-16"), {"börn.jpg": "b"}),
        ("path,external_id\nbo\u0308rn.jpg,b\n", {"börn.jpg": "b"}),
        ("path,external_id\nanna.jpg,a\nben.jpg,a\n", {"anna.jpg": "a", "ben.jpg": "a"}),
        ("path,external_id\n", {}),
    ],
)  # fmt: skip
def test_tables_as_people_and_programs_write_them_are_read(
    folder: Path, content: str | bytes, ids: dict[str, str | None]
) -> None:
    assert read(folder, content) == ids


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("path,external_id\nanna.jpg,a\nanna.jpg,b\n", "line 3: anna.jpg has an id already, on line 2"),
        ("path,external_id\nanna.jpg,a\ndeep/../anna.jpg,a\n", "line 3: deep/../anna.jpg has an id already, on line 2"),
        ("path,external_id\nanna.jpg,Smith, Anna\n", "line 2: there are 3 columns, and 2 in the first line"),
        ("path,external_id\nanna.jpg\n", "line 2: there are 1 columns, and 2 in the first line"),
        ("path,external_id\n\n\nanna.jpg,a\ncarl.jpg,c\n", "line 5: there is no file carl.jpg"),
        ("path,external_id\n,a\n", "line 2: the path is empty"),
        (f"path,external_id\n{'x' * 300}.jpg,a\n", "line 2: there is no file xxx"),
        ("path,external_id\nbörn.jpg,b\n".encode("latin-1"), "line 2: there is no file b�rn.jpg, and the path"),
        ("path,external_id\nanna.jpg,Björn\n".encode("latin-1"), "line 2: the id is not UTF-8"),
        ("path,external_id\nanna.jpg,a\0b\n", "line 2: there is a NUL byte"),
        ("path,external_id\nan\0na.jpg,a\n", "line 2: there is a NUL byte"),
        ("path,external_id\nanna.jpg,a\n".encode("utf-16-le"), "line 1: there is a NUL byte"),
        ('path,external_id\nanna.jpg,a\nben.jpg,"b\n', "line 3: unexpected end of data; look for a quotation mark"),
        ('path,external_id\nanna.jpg,"a" b\n', "line 2: "),
        ('path,external_id\nanna.jpg,"a\nb"\nben.jpg,b\n', "line 2: the id 'a\\nb' has a line break"),
        (f"path,external_id\nanna.jpg,{'a' * 256}\n", "line 2: the id aaa"),
        (f"path,external_id\nanna.jpg,{'田' * 90}\n", "line 2: the id 田"),
        ("path,external_id\nanna.jpg,A Lee\nben.jpg,A::Lee\n", "line 3: the id A::Lee is written A::Lee, as is A Lee"),
        ("file,name\nanna.jpg,a\n", "line 1: the first line must name the columns path and external_id"),
        ("path,path,external_id\nanna.jpg,anna.jpg,a\n", "line 1: the first line must name"),
        ("anna.jpg,a\n", "line 1: the first line must name"),
        ("", "line 1: the first line must name"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "line 3: there is a NUL byte"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_file_and_line(folder: Path, content: str | bytes, words: str) -> None:
    assert fault(folder, content).startswith(f"names.csv, {words}")


def test_all_faults_are_told_at_once_and_many_are_counted(folder: Path) -> None:
    told = fault(folder, "path,external_id\nanna.jpg\n" + "".join(f"no-{n}.jpg,x\n" for n in range(14)))
    assert told.startswith("names.csv has 15 faults:\n  line 2: there are 1 columns")
    assert "\n  line 11: there is no file no-8.jpg" in told
    assert told.endswith("\n  and 5 more")


def test_a_file_that_is_there_and_not_in_the_folder_is_no_fault(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.jpg").write_bytes(b"x")
    assert read(folder, f"path,external_id\n{tmp_path / 'elsewhere.jpg'},e\nanna.jpg,a\n") == {
        "elsewhere.jpg": "e",
        "anna.jpg": "a",
    }


def test_a_files_name_need_not_be_utf_8(folder: Path) -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    (folder / name).write_bytes(b"x")
    assert read(folder, b"path,external_id\ncaf\xe9.jpg,c\n") == {name: "c"}
