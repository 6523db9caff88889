"""Options that mean the same for every verb of the command line."""

import click

HELP = {"help_option_names": ["-h", "--help"]}


def parse_settings(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    """Values by key.

    Parameters
    ----------
    _context, _parameter : object
        Click's.
    texts : tuple of str
        As KEY=VALUE.

    Returns
    -------
    dict of str to str
        Dashes in keys are underscores.

    Raises
    ------
    click.BadParameter
        A key has no value.

    Examples
    --------
    >>> parse_settings(None, None, ("chunk-s=5",))
    {'chunk_s': '5'}
    """
    pairs = [text.partition("=") for text in texts]
    for key, equals, _value in pairs:
        if not equals:
            raise click.BadParameter(f"{key} has no value; write it as {key}=VALUE")
    return {key.replace("-", "_"): value for key, _, value in pairs}


set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    callback=parse_settings,
    help="Change one of the system's settings; may be repeated.",
)
quiet_option = click.option("--quiet", is_flag=True, help="Say nothing but errors.")
as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print what was done as JSON."
)
force_option = click.option("--force", is_flag=True, help="Replace an output that exists.")
