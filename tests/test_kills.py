"""Every verb that writes, killed at any instant: what was there stays, or all is there."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sounds import RATE, melody

from cambiata import files, scratch
from cambiata.audio.sound import Audio

EXAMPLES = Path(__file__).parents[1] / "examples"
VERBS = {
    "transfer": ("transfer", "content.wav", "style.wav", "-o", "out.flac", "--system", "musaicing"),
    "transfer to ogg": ("transfer", "content.wav", "style.wav", "-o", "out.ogg"),
    "play": ("play", EXAMPLES / "cantus.mid", "style.wav", "-o", "out.wav"),
    "transcribe": ("transcribe", "content.wav", "-o", "out.musicxml"),
    "capture": ("timbre", "capture", "content.wav", "-o", "out.timbre"),
    "melody": ("melody", EXAMPLES / "reel.mid", "--style", "strathspey", "-o", "out.mid"),
    "groove": ("groove", EXAMPLES / "rock.mid", EXAMPLES / "funk.mid", "-o", "out.mid"),
    "reverb": ("reverb", "remove", "content.wav", "-o", "out.wav"),
    "check": ("counterpoint", "check", EXAMPLES / "worksheet.mid", "-o", "out.musicxml"),
    "instrument": ("instrument", "style.wav", "-o", "out.sfz", "--keys", "60-64"),
    "translate": ("translate", "content.wav", "--to", "sitar", "-o", "out.wav"),
    "solve": ("counterpoint", "solve", EXAMPLES / "cantus.mid", "-o", "out.mid"),
    "transpose": ("transpose", "content.wav", "--semitones", "3", "-o", "out.wav"),
    "stretch": ("stretch", "content.wav", "--factor", "1.5", "-o", "out.flac"),
    "morph": ("morph", "content.wav", "style.wav", "-o", "out.wav"),
    "choir": ("choir", "content.wav", "-o", "out.wav"),
}  # fmt: skip
KILLS_OF_A_VERB = 5  # eighty in all; of `batch`: tests/batches/test_api.py


def _start(arguments: tuple[object, ...], folder: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "cambiata", *map(str, arguments), "--force"]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _outputs(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".")
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_is_killed_leaves_no_half_of_an_output(
    tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Audio(melody([60, 64, 67, 72]), RATE, "PCM_16").save(tmp_path / "content.wav")
    Audio(melody([57, 62], partials=3), RATE, "PCM_16").save(tmp_path / "style.wav")
    arguments = VERBS[verb]
    began = time.monotonic()
    assert _start(arguments, tmp_path).wait() in (0, 1)  # 1: breaches of the rules
    whole_s, whole = time.monotonic() - began, _outputs(tmp_path)
    [name] = [each for each in whole if each.startswith("out.")]
    rng = np.random.default_rng([*verb.encode()])
    # Another output of the verb, which is replaced: as long as the kill comes, it stays.
    for i, share in enumerate(rng.uniform(0.3, 1.1, KILLS_OF_A_VERB)):
        before = f"before {i}".encode()
        (tmp_path / name).write_bytes(before)
        run = _start(arguments, tmp_path)
        try:
            run.wait(share * whole_s)
        except subprocess.TimeoutExpired:
            run.kill()
        run.wait()
        assert (tmp_path / name).read_bytes() in (before, whole[name])
        others = {each: data for each, data in _outputs(tmp_path).items() if each != name}
        assert others == {each: data for each, data in whole.items() if each != name}
    monkeypatch.setattr(scratch, "_STALE_S", -1.0)
    files.write_text(tmp_path / "next.txt", "")  # what the killed ones left goes with the next run
    assert not list(tmp_path.glob(".*"))
