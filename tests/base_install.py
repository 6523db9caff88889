"""Run by `make base` in an environment with the base install alone: it imports and converts."""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

EXTRAS = ("torch", "librosa", "matplotlib", "music21", "ortools", "fastapi", "pytest")
EXAMPLES = Path(__file__).parents[1] / "examples"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "cambiata", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main() -> None:
    """Exit with what is wrong, or say that nothing is."""
    present = [name for name in EXTRAS if importlib.util.find_spec(name)]
    if present:
        sys.exit(f"not the base install: it has {', '.join(present)}")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.wav"
        pair = [str(EXAMPLES / "trumpet.ogg"), str(EXAMPLES / "cello.flac"), "-o", str(out)]
        done = run("transfer", *pair, "--end", "1")
        if done.returncode or not out.stat().st_size:
            sys.exit(f"no transfer by the base install: {done.stderr}")
        # Trained systems run without what they were trained with.
        done = run("transfer", *pair, "--end", "1", "--force", "--system", "vqvae")
        if done.returncode:
            sys.exit(f"no transfer by trained weights: {done.stderr}")
        midi = str(Path(folder) / "heard.mid")
        for call in (
            ("transcribe", pair[0], "-o", midi),
            ("play", midi, *pair[1:], "--force"),
            ("play", midi, *pair[1:], "--force", "--system", "performancenet"),
            ("translate", pair[0], "--to", "sitar", *pair[2:], "--force", "--end", "1"),
            ("domains", "list"),
            (
                "melody",
                str(EXAMPLES / "reel.mid"),
                "--style",
                "strathspey",
                "-o",
                folder + "/m.musicxml",
            ),
            (
                "groove",
                *(str(EXAMPLES / f"{x}.mid") for x in ("rock", "funk")),
                "-o",
                f"{folder}/g.mid",
            ),
            ("morph", pair[0], pair[1], "-o", f"{folder}/between.wav", "--amount", "0.3"),
            ("reverb", "remove", pair[0], "-o", f"{folder}/drier.wav"),
            ("transpose", pair[0], "--to", "D", "-o", f"{folder}/d.wav"),
            ("counterpoint", "check", str(EXAMPLES / "worksheet.mid")),
        ):
            done = run(*call)
            if done.returncode:
                sys.exit(f"no {call[0]} by the base install: {done.stderr}")
        # Errors of every kind are one line, with the lowest version of click, too.
        for call in (
            ("transfer", "nowhere.wav", "x.wav", "-o", str(out)),
            ("transfer",),
            ("nope",),
        ):
            done = run(*call)
            if done.returncode != 2 or len(done.stderr.splitlines()) != 1:
                sys.exit(f"{call[0]}: not refused in one line: {done.stderr}")
        listed = run("systems")
        if "ulyanov" not in listed.stdout:
            sys.exit(f"systems are not listed: {listed.stderr}")
        own = run("domains", "add", "mine", folder)
        if own.returncode != 2 or 'pip install "cambiata[train]"' not in own.stderr:
            sys.exit(f"what domains of one's own need is not explained: {own.stderr}")
        studio = run("serve", "--no-open")
        if studio.returncode != 2 or 'pip install "cambiata[studio]"' not in studio.stderr:
            sys.exit(f"what the studio needs is not explained: {studio.stderr}")
        missing = run("transfer", *pair, "--force", "--system", "ulyanov")
        if missing.returncode != 2 or 'pip install "cambiata[lab]"' not in missing.stderr:
            sys.exit(f"a missing extra is not explained: {missing.stderr}")
    print("the base install imports, converts, and says what its extras are for")


if __name__ == "__main__":
    main()
