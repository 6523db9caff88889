"""Run by `tests/test_readme.py`: the code blocks of one page, in order, in one process.

Python blocks share a namespace. Of shell blocks, lines that are a plain `cambiata ...` are given to
the command line in this process, which spares a start for each of them; bash runs the others.
Standard input is the list of blocks as JSON: kind, code, line of the page, expected exit code.
"""

import json
import re
import runpy
import shlex
import subprocess
import sys
import traceback
from collections.abc import Iterator
from itertools import groupby

# No pipe, redirection, substitution, wildcard or second command: nothing that needs a shell.
PLAIN = re.compile(r"cambiata [^|&;<>$`*?~!(){}]*")


def commands(code: str) -> Iterator[str]:
    """A block's lines, continued ones joined, without comments."""
    for line in code.replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).rstrip()
        if line:
            yield line


def run_plain(command: str) -> int:
    """Exit code of `cambiata ...`, run here."""
    sys.argv = shlex.split(command)
    try:
        runpy.run_module("cambiata", run_name="__main__", alter_sys=False)
    except SystemExit as leaving:
        return int(leaving.code or 0) if isinstance(leaving.code, int | None) else 1
    return 0


def run_shell(code: str) -> Iterator[tuple[str, int]]:
    """Each command, or run of commands that bash gets at once, and its exit code."""
    for plain, group in groupby(commands(code), lambda line: bool(PLAIN.fullmatch(line))):
        lines = list(group)
        if plain:
            for line in lines:
                yield line, run_plain(line)
        else:
            text = "\n".join(lines)
            yield text, subprocess.run(["bash", "-euo", "pipefail", "-c", text]).returncode


def main() -> None:
    """Stop at the first block that does not do what its page says."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for kind, code, where, expected in json.load(sys.stdin):
        if kind == "python":
            try:
                exec(compile(code, where, "exec"), namespace)
            except BaseException:
                traceback.print_exc()
                sys.exit(f"{where}: the block failed")
        else:
            for command, status in run_shell(code):
                if status != expected:
                    sys.exit(f"{where}: exit code {status}, not {expected}: {command}")


if __name__ == "__main__":
    main()
