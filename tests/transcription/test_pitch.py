"""Drums are no notes, wherever they are heard; what is doubtful is said in one line."""

import numpy as np
import pytest
from drums import drums
from sounds import melody, tone

import cambiata
from cambiata import Audio, CambiataWarning, InputError

RATE = 44100
BEAT = Audio(drums(4.0, RATE)[0], RATE, name="beat.wav")
SOUND = Audio(melody([57, 60, 64], rate=RATE), RATE)


def test_drums_are_not_written_down() -> None:
    with pytest.raises(InputError, match=r"beat\.wav: no note was heard in it"):
        cambiata.transcribe(BEAT)


def test_drums_are_not_played() -> None:
    with pytest.raises(InputError, match=r"beat\.wav: no note was heard in it"):
        cambiata.play(BEAT, SOUND)


def test_drums_of_a_later_chunk_do_not_hide_the_tune_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cambiata.transcription.pitch._CHUNK_S", 3.0)
    # So short that only the power at its notes tells it from drums.
    tune = np.concatenate([tone(pitch, 0.25, rate=RATE) for pitch in (60, 64, 67, 72)])
    silence = np.zeros(6 * RATE, np.float32)
    long = Audio(np.concatenate([tune, silence, 0.05 * BEAT.samples[0]]), RATE)
    pitches = [note.pitch for note in cambiata.transcribe(long).notes]
    assert pitches[:4] == [60, 64, 67, 72]


def test_drums_as_a_content_are_warned_of() -> None:
    with pytest.warns(CambiataWarning, match=r"beat\.wav: hardly a note was heard") as caught:
        out = cambiata.transfer(BEAT, SOUND)
    assert len(caught) == 1
    assert out.n_samples == BEAT.n_samples


def test_a_tune_under_drums_is_played_and_what_is_left_out_is_said() -> None:
    tune = melody([72, 76, 79, 84, 72, 76, 79, 84, 72, 76], rate=RATE)
    beat = drums(4.0, RATE, level=1.0)[0][: len(tune)]
    mix = Audio(beat + np.float32(0.3) * tune, RATE, name="mix.wav")
    with pytest.warns(CambiataWarning, match=r"mix\.wav: about \d+ % of its power has no pitch"):
        cambiata.transfer(mix, SOUND)


def test_drums_are_translated_with_a_warning() -> None:
    with pytest.warns(CambiataWarning, match=r"beat\.wav: hardly a note was heard"):
        cambiata.translate(BEAT, "grand-piano")


def test_drums_of_a_mix_are_kept_where_they_were_and_the_notes_are_the_same() -> None:
    tune = melody([72, 76, 79, 84, 72, 76, 79, 84, 72, 76], rate=RATE)
    beat, strikes = drums(4.0, RATE, level=0.3)
    mix = Audio(beat[: len(tune)] + tune, RATE)
    with_drums = cambiata.transfer(mix, SOUND, unpitched="keep").samples[0]
    without = cambiata.transfer(mix, SOUND).samples[0]
    rises = {"keep": 0, "drop": 0}
    snares = strikes[1::2]
    for strike in snares:
        at = round(strike * RATE)
        for name, sound in (("keep", with_drums), ("drop", without)):
            # Above the tune's partials there are drums alone.
            high = np.diff(sound, 4)
            before, after = high[at - 900 : at - 100], high[at : at + 800]
            rises[name] += float(np.square(after).mean()) > 4 * float(np.square(before).mean())
    assert rises["keep"] >= 0.75 * len(snares)
    assert rises["drop"] < 0.5 * len(snares)

    def pitches(samples: np.ndarray) -> list[int]:
        return [note.pitch for note in cambiata.transcribe(Audio(samples, RATE)).notes]

    assert set(pitches(without)) <= set(pitches(with_drums)) | {72, 76, 79, 84}


def test_an_unknown_word_for_what_has_no_pitch_is_refused() -> None:
    with pytest.raises(InputError, match="unpitched: style is not known; use keep or drop"):
        cambiata.transfer(BEAT, SOUND, unpitched="style")
