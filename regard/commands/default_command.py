"""A group of commands one of which need not be named: `regard faces photo.jpg` is `regard faces find photo.jpg`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

DEFAULT = "find"


class WithDefault(TyperGroup):
    """Takes words that do not begin with one of the group's commands as those of DEFAULT."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)
