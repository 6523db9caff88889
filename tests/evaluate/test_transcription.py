"""Transcription judged: metrics against mir_eval's words, recordings cut and aligned, a table."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cambiata import Audio, InputError, Note

pytest.importorskip("mir_eval")
pytest.importorskip("music21")

from sounds import melody

from cambiata.evaluate import transcription as module
from cambiata.evaluate.contours import make_contours
from cambiata.evaluate.metrics import note_f1s, velocity_error
from cambiata.evaluate.transcription import (
    KnownRecording,
    _read_recordings,
    evaluate_transcribe,
)

TRUE = [Note(0.0, 1.0, 60, 40), Note(1.0, 2.0, 62, 80), Note(2.0, 3.0, 64, 120)]


def test_ever_stricter() -> None:
    assert note_f1s(TRUE, TRUE) == {"onset_f1": 1.0, "offset_f1": 1.0, "velocity_f1": 1.0}
    late = [Note(n.start_s + 0.03, n.end_s + 0.3, n.pitch, n.velocity) for n in TRUE]
    assert note_f1s(late, TRUE) == {"onset_f1": 1.0, "offset_f1": 0.0, "velocity_f1": 0.0}
    # Velocities count after the best line: twice as soft is right, the wrong order is not.
    soft = [Note(n.start_s, n.end_s, n.pitch, n.velocity // 2) for n in TRUE]
    assert note_f1s(soft, TRUE)["velocity_f1"] == 1.0
    turned = [
        Note(n.start_s, n.end_s, n.pitch, m.velocity)
        for n, m in zip(TRUE, (TRUE[1], TRUE[2], TRUE[0]), strict=True)
    ]
    assert note_f1s(turned, TRUE)["velocity_f1"] < 1.0
    assert note_f1s([], TRUE)["onset_f1"] == 0.0


def test_velocities_of_the_notes_that_are_right() -> None:
    late = Note(2.2, 3.0, 64, 1)  # another note, whose velocity counts for nothing
    found = [Note(0.0, 1.0, 60, 50), Note(1.0, 1.2, 62, 100), late]
    assert velocity_error(found, TRUE) == 15.0
    assert np.isnan(velocity_error([late], TRUE))
    assert np.isnan(velocity_error([], TRUE))


def test_recordings_are_cut_with_their_notes(tmp_path: Path) -> None:
    place = tmp_path / "bach-violin"
    place.mkdir()
    Audio(np.zeros(44100 * 2), 44100).save(place / "a.mp3")
    n = 70
    rows = "\n".join(f"{i},{i + 1},{60 + i % 12},64" for i in range(n))
    (place / "a.notes.csv").write_text("onset,offset,pitch,velocity\n" + rows + "\n")
    times = "\n".join(f"{0.5 * i},{0.5 * i + 0.4}" for i in range(n))
    (place / "a.alignments.csv").write_text("start,end\n" + times + "\n")
    first, second, *_ = _read_recordings(tmp_path)
    assert len(first.notes) == 40
    assert first.notes[1].start_s == pytest.approx(0.5)
    assert first.notes[1].pitch == 61
    assert second.notes[0].start_s == pytest.approx(0)
    assert second.notes[0].pitch == 60 + 40 % 12
    with pytest.raises(InputError, match="has no bach-violin folder"):
        list(_read_recordings(tmp_path / "nowhere"))


def test_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Audio(melody([60, 64, 67], partials=10, rate=44100), 44100)
    notes = tuple(Note(0.4 * i, 0.4 * i + 0.4, p) for i, p in enumerate((60, 64, 67)))
    recordings = [KnownRecording("tones", f"tone {i}", lambda: sound, notes) for i in range(2)]
    silent = KnownRecording("nothing", "silence", lambda: Audio(np.zeros(44100), 44100), notes)
    monkeypatch.setattr(module, "_artificial_recordings", lambda _n: recordings)
    monkeypatch.setattr(module, "_piano_recordings", lambda _n, _seed: [silent])
    make = partial(make_contours, 1)
    monkeypatch.setattr(module, "make_contours", lambda recordings: make(recordings=recordings))
    found = evaluate_transcribe(tmp_path / "out", rival=False)
    tones, nothing = found["summary"]
    assert tones["onset_f1"][0] > 0.9
    assert (tones["n"], nothing["onset_f1"][0]) == (2, 0.0)
    written = json.loads((tmp_path / "out" / "transcribe.json").read_text())
    assert written["summary"] == found["summary"]
    table = (tmp_path / "out" / "transcribe.md").read_text()
    assert "| tones (2) | cambiata |" in table
    assert tones["velocity_error"][0] < 127
    assert nothing["velocity_error"] == [None, None, None]
    assert "| 3 clips | cambiata | 0." in table
    assert found["contours"][0]["accuracy"][0] > 0.5
