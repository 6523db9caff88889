"""Groups of commands: an unknown one names the nearest, and all that there are."""

from difflib import get_close_matches
from typing import Any

import click

from cambiata.cli.console import Interruption


class VerbGroup(click.Group):
    """A group whose unknown command is refused with those that it has."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called; its name, and its arguments."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            names = self.list_commands(ctx)
            near = get_close_matches(name, names, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise click.UsageError(f"No such command {name}{hint}; use one of {', '.join(names)}")
        return super().resolve_command(ctx, args)


class TopGroup(VerbGroup):
    """Keeps interrupts for `main`: click would print an empty line and lose the exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """What the command returns."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interruption from None
