"""What the benchmarks ran on, and the tables that they print."""

import os
import platform
from collections.abc import Sequence

from cambiata.evaluate.machine import describe_machine
from cambiata.evaluate.markdown import markdown_table


def machine() -> str:
    """One line on the processor, its cores, memory, and Python."""
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{describe_machine()}, {memory_gib:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(markdown_table(header, rows))
