"""Files and lines that one sound passes through: which of the package's files run, and how much.

``python benchmarks/path_of_a_sound.py`` prints, for a transfer half of the way and for a score
that is played (both from file to file), the files in which a function was called, their lines, the
lines that are code, and those of the functions that ran. It runs on any version of the package
that is on the path.
"""

import sys
import tempfile
import tokenize
import warnings
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType

import numpy as np

import cambiata

PACKAGE = Path(cambiata.__file__).parent


def melody(rate: int) -> cambiata.Audio:
    """Four notes of eight partials."""
    t = np.arange(rate // 2) / rate
    notes = [
        sum(np.sin(2 * np.pi * 220 * 2 ** (step / 12) * k * t) / k for k in range(1, 9))
        for step in (0, 4, 7, 12)
    ]
    sound = np.concatenate(notes) * np.tile(0.1 * np.exp(-3 * t), 4)
    return cambiata.Audio(sound.astype(np.float32), rate)


def files_called(job: Callable[[], object]) -> dict[Path, int]:
    """Package files in which the job called a function, and the lines of those functions."""
    called: set[CodeType] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_name != "<module>":
            called.add(code)

    sys.setprofile(note)
    try:
        job()
    finally:
        sys.setprofile(None)
    lines: dict[Path, int] = {}
    for code in called:
        path = Path(code.co_filename)
        if path.is_relative_to(PACKAGE):
            numbers = {line for _, _, line in code.co_lines() if line}
            lines[path] = lines.get(path, 0) + len(numbers)
    return lines


def code_lines(path: Path) -> int:
    """Lines of a file that are neither blank, comment nor docstring."""
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    numbers: set[int] = set()
    with path.open("rb") as file:
        before = tokenize.NEWLINE
        for token in tokenize.tokenize(file.readline):
            is_docstring = token.type == tokenize.STRING and before in (
                *(tokenize.NEWLINE, tokenize.INDENT, tokenize.NL, tokenize.ENCODING),
            )
            if token.type not in skipped and token.string and not is_docstring:
                numbers |= set(range(token.start[0], token.end[0] + 1))
            before = token.type
    return len(numbers)


def main() -> None:
    """Print the path of a transfer and of a play."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        content, style, score = (Path(folder) / name for name in ("a.wav", "b.wav", "c.mid"))
        melody(44100).save(content)
        melody(44100).save(style)
        part = cambiata.Part((cambiata.Note(0.1, 0.5, 60), cambiata.Note(0.5, 0.9, 64)))
        cambiata.save_score(cambiata.Score((part,)), score)
        jobs: dict[str, Callable[[], object]] = {
            "transfer": lambda: cambiata.transfer_file(
                content, style, Path(folder) / "d.wav", amount=0.5
            ),
            "play": lambda: cambiata.play_file(score, style, Path(folder) / "e.wav"),
        }
        for name, job in jobs.items():
            found = files_called(job)
            totals = [0, 0, 0]
            print(f"{name}:{'lines':>47}{'of code':>9}{'that ran':>9}")
            for path in sorted(found):
                row = len(path.read_text().splitlines()), code_lines(path), found[path]
                totals = [a + b for a, b in zip(totals, row, strict=True)]
                print(f"  {path.relative_to(PACKAGE)!s:40}{row[0]:>10}{row[1]:>9}{row[2]:>9}")
            total = f"{len(found)} files"
            print(f"  {total:40}{totals[0]:>10}{totals[1]:>9}{totals[2]:>9}\n")


if __name__ == "__main__":
    main()
