"""Setting values in `regard.toml`: what else stands there, comments too, stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from regard.config.toml_tables import parse, text_of
from regard.errors import SettingsError
from regard.files import make_folder, replace_file


def set_values(file: Path, section: str, values: Mapping[str, str]) -> None:
    """Give settings that the file does not have yet these values. Raises SettingsError if it has one, or cannot be read
    or written."""
    try:
        text = text_of(file) if file.is_file() else ""
        changed = with_values(text, section, values)
        kept = parse(changed, str(file)).get(section)
        if not isinstance(kept, dict) or any(kept.get(name) != value for name, value in values.items()):
            raise SettingsError(f"{file} is written in a way that cannot be added to: set [{section}] there yourself.")
        make_folder(file.parent)
        with replace_file(file) as stream:
            stream.write(changed.encode())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be changed: {error}. Set [{section}] there yourself.") from error


def with_values(text: str, section: str, values: Mapping[str, str]) -> str:
    """The text of such a file with these values in that section."""
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    header = re.search(rf"^[ \t]*\[[ \t]*{re.escape(section)}[ \t]*\][ \t]*(#.*)?$\n?", text, re.MULTILINE)
    if header is None:
        before = text if not text or text.endswith("\n") else f"{text}\n"
        return f"{before}{'' if not before else chr(10)}[{section}]\n{lines}"
    start = header.group()
    return text[: header.start()] + start + ("" if start.endswith("\n") else "\n") + lines + text[header.end() :]
