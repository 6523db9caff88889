"""Groups of commands: an unknown one names the nearest, and all that there are."""

from typing import Any

import click

from cambiata.cli.console import Interruption
from cambiata.errors import MissingExtraError
from cambiata.names import nearest_names

# Packages that only the extra for training brings, whichever verb needs them.
_OF_TRAINING = ("fluidsynth", "lightning_fabric", "onnx", "onnxscript", "torch")


class VerbGroup(click.Group):
    """A group whose unknown command is refused with those that it has."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called; its name, and its arguments."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            names = self.list_commands(ctx)
            near = nearest_names(name, names)
            hint = f" ({near})" if near else ""
            raise click.UsageError(f"No such command {name}{hint}; use one of {', '.join(names)}")
        return super().resolve_command(ctx, args)


class ExtraGroup(VerbGroup):
    """A group whose verbs need an extra: without it, one line says how to have it."""

    def __init__(self, *arguments: Any, extra: str, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.extra = extra

    def invoke(self, ctx: click.Context) -> Any:
        """What the verb returns."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            package = (error.name or "cambiata").partition(".")[0]
            if package == "cambiata":
                raise
            extra = "train" if package in _OF_TRAINING else self.extra
            verb = f"{ctx.info_name} {ctx.invoked_subcommand}"
            raise MissingExtraError(verb, extra) from error


class TopGroup(VerbGroup):
    """Keeps interrupts for `main`: click would print an empty line and lose the exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """What the command returns."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interruption from None
