"""Groups of commands: an unknown one names the nearest, and all that there are."""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

import click

from cambiata.cli.console import Interruption
from cambiata.cli.examples import add_examples
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


class Verbs(MutableMapping[str, click.Command]):
    """Commands by name, each imported when it is asked for: imports are half of a cold start."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = dict(modules)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            self[name] = getattr(import_module(f"cambiata.cli.{self._modules[name]}"), name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        add_examples(command, name)
        self._modules.setdefault(name, command.callback.__module__ if command.callback else "")
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._modules[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


class TopGroup(VerbGroup):
    """Keeps interrupts for `main`: click would print an empty line and lose the exit code."""

    def __init__(self, *arguments: Any, modules: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.commands = Verbs(modules)

    def invoke(self, ctx: click.Context) -> Any:
        """What the command returns."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interruption from None
