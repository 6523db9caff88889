"""The command line's verb that starts the studio."""

from pathlib import Path

import click

from cambiata.cli.console import Interruption
from cambiata.cli.options import HELP
from cambiata.errors import MissingExtraError


@click.command(context_settings=HELP)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8321,
    show_default=True,
    help="0: any free one.",
)
@click.option("--token", metavar="T", help="Ask for it; needed where others reach the host.")
@click.option("--open/--no-open", "open_page", default=True, help="Open the page in a browser.")
@click.option("--data", metavar="DIR", help="Folder of its sounds and jobs; else the user's own.")
def serve(host: str, port: int, token: str | None, open_page: bool, data: str | None) -> None:
    """Start the studio: a page in the browser and an HTTP interface, on this machine alone.

    Needs the extra studio.
    """
    try:
        from cambiata.web.server import serve as start
    except ModuleNotFoundError as error:
        if (error.name or "cambiata").partition(".")[0] == "cambiata":
            raise
        raise MissingExtraError("serve", "studio") from error
    try:
        start(
            host=host,
            port=port,
            token=token,
            open_page=open_page,
            folder=None if data is None else Path(data),
            tell=lambda text: click.echo(f"cambiata: {text}", err=True),
        )
    except KeyboardInterrupt:
        raise Interruption("what is not done goes on when it is started again") from None
