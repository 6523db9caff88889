"""Directive ``{command-help} VERB``: a verb's help text, taken from the command line itself."""

from typing import Any

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def help_text(verb: str) -> str:
    """Text that ``cambiata VERB --help`` prints at a width of 88 characters."""
    from cambiata.cli.main import cli

    command: click.Command = cli
    context = click.Context(cli, info_name="cambiata", max_content_width=88, terminal_width=88)
    for name in verb.split():
        assert isinstance(command, click.Group)
        found = command.get_command(context, name)
        if found is None:
            raise ValueError(f"cambiata has no verb {verb!r}")
        command = found
        context = click.Context(command, parent=context, info_name=name)
    return command.get_help(context)


class CommandHelp(SphinxDirective):
    """A literal block with the help text."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """The block."""
        text = help_text(self.arguments[0] if self.arguments else "")
        block = nodes.literal_block(text, text, language="text")
        block["classes"].append("command-help")
        return [block]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True}
