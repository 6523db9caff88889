"""Scores played with sounds: notes where they are written, and promises kept for every player."""

from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from midi_bytes import midi, scale, track, written
from sounds import melody

import cambiata
from cambiata import (
    Audio,
    CambiataWarning,
    InputError,
    Note,
    Part,
    Score,
    capture_timbre,
    play,
    play_file,
    transfer,
    transfer_file,
)

RATE = 44100
SOUND = Audio(melody([57, 60, 64, 69, 72], partials=12, rate=RATE), RATE, "PCM_16")
SCORE = Score((Part((Note(0.5, 1.0, 60, 90), Note(1.0, 1.5, 67, 90), Note(1.5, 2.5, 64, 40))),))


def _level_db(sound: Audio, begin_s: float, end_s: float) -> float:
    piece = sound.samples[0, round(begin_s * RATE) : round(end_s * RATE)]
    return float(10 * np.log10(np.mean(piece.astype(float) ** 2) + 1e-12))


def test_notes_sound_when_they_are_written() -> None:
    output = play(SCORE, SOUND, tail_s=0.5)
    assert output.samples.shape == (1, 3 * RATE)
    assert _level_db(output, 0, 0.45) < _level_db(output, 0.55, 0.95) - 30
    notes = {(round(n.start_s, 1), n.pitch) for n in cambiata.transcribe(output).notes}
    assert {(0.5, 60), (1.0, 67), (1.5, 64)} <= notes
    # Softly struck, softly heard.
    assert _level_db(output, 1.55, 1.8) < _level_db(output, 1.05, 1.3) - 6


def test_as_loud_as_the_sound() -> None:
    from cambiata.performance.api import _loudness

    quiet = Audio(0.1 * SOUND.samples, RATE)
    # What falls below -70 LUFS once it is levelled no longer counts.
    assert _loudness(play(SCORE, quiet), 0) == pytest.approx(_loudness(quiet, 0), abs=0.5)


def test_same_seed_same_bytes() -> None:
    first, again, other = (play(SCORE, SOUND, seed=seed).samples for seed in (0, 0, 1))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_stretches_fit_together() -> None:
    notes = tuple(Note(0.3 * i, 0.3 * i + 0.35, 55 + (5 * i) % 17, 80) for i in range(30))
    whole = play(Score((Part(notes),)), SOUND)
    pieces = play(Score((Part(notes),)), SOUND, settings={"chunk_s": "2"})
    apart = np.sqrt(np.mean((whole.samples - pieces.samples) ** 2))
    # Noise is drawn anew, and the refiner sees less at once; phases go on.
    assert apart < 0.4 * np.sqrt(np.mean(whole.samples**2))


def test_tempo_track_and_pedal() -> None:
    drums = Part((Note(0, 9, 36),), is_drum=True)
    right = Part((Note(0, 0.5, 60),), pedal=((0.2, 2.0),))
    score = Score((drums, right))
    lengths = [
        play(score, SOUND, tail_s=0.0, **options).duration_s
        for options in ({}, {"pedal": False}, {"tempo": 2.0}, {"track": 2})
    ]
    assert lengths == pytest.approx([2.0, 0.5, 1.0, 2.0], abs=1e-3)


def test_a_recording_is_transcribed_first(tmp_path: Path) -> None:
    content = Audio(np.stack([melody([64, 67, 72], partials=8, rate=22050)] * 2), 22050)
    content.save(tmp_path / "content.wav")
    SOUND.save(tmp_path / "sound.wav")
    paths = [tmp_path / name for name in ("content.wav", "sound.wav", "out.wav")]
    report = play_file(*paths, midi=tmp_path / "notes.mid")
    assert report.transcribed
    assert len(cambiata.load_score(tmp_path / "notes.mid").notes) == report.n_notes >= 3
    output = cambiata.load(tmp_path / "out.wav")
    # In the recording's format, and as long.
    assert (output.sample_rate, output.n_channels) == (22050, 2)
    assert output.duration_s == pytest.approx(content.duration_s, abs=1e-3)


def test_a_kept_timbre_plays(tmp_path: Path) -> None:
    timbre = cambiata.capture_timbre([SOUND, SOUND], tmp_path / "a.timbre")
    cambiata.save_score(SCORE, tmp_path / "a.mid")
    report = play_file(tmp_path / "a.mid", tmp_path / "a.timbre", tmp_path / "out.flac")
    assert (report.sample_rate, report.n_channels, report.subtype) == (44100, 1, "PCM_24")
    assert play(SCORE, timbre).duration_s == report.duration_s


def test_a_mixed_sound_lies_between() -> None:
    dull = Audio(melody([57, 60, 64, 69], partials=1, rate=RATE), RATE)

    def high_db(sound: cambiata.Timbre) -> float:
        power = np.abs(np.fft.rfft(play(SCORE, sound).samples[0])) ** 2
        return float(10 * np.log10(power[len(power) // 11 :].sum() / power.sum()))

    ends = [cambiata.capture_timbre([sound]) for sound in (dull, SOUND)]
    middle = cambiata.mix_timbres([(ends[0], 0.5), (ends[1], 0.5)])
    low, between, high = (high_db(sound) for sound in (ends[0], middle, ends[1]))
    assert low < between < high


def test_notes_off_the_keyboard_are_named() -> None:
    score = Score((Part((Note(0, 1, 12), Note(0, 1, 60), Note(0, 1, 120))),), "wide.mid")
    with pytest.warns(CambiataWarning, match=r"wide.mid: 2 of its notes .*\(pitches 12, 120\)"):
        assert play(score, SOUND).duration_s == 2.0
    with pytest.raises(InputError, match="2 of its notes lie off the keyboard"):
        play(score, SOUND, strict=True)
    with pytest.raises(InputError, match="1 of its notes"):
        play(Score((Part((Note(0, 1, 12),)),)), SOUND)


def test_a_channel_of_drums_is_left_out_and_midi_is_known_by_its_bytes(tmp_path: Path) -> None:
    drums = track(*scale((36, 42, 38, 42), ticks=240))
    bass = track(*scale((48, 50), channel=1, ticks=240))
    data = midi(drums, bass)
    riff = b"RMIDdata" + len(data).to_bytes(4, "little") + data
    written(tmp_path / "a", b"RIFF" + len(riff).to_bytes(4, "little") + riff)
    SOUND.save(tmp_path / "sound.wav")
    paths = [tmp_path / name for name in ("a", "sound.wav", "out.wav")]
    report = play_file(*paths, drums=1, tail_s=0.0)
    assert (report.n_notes, report.duration_s) == (2, pytest.approx(0.5, abs=1e-3))
    with pytest.raises(InputError, match="drums 17: is not a MIDI channel"):
        play_file(*paths, drums=17, force=True)
    with pytest.raises(InputError, match="is damaged"):
        play_file(written(tmp_path / "b.mid", data[:-3]), *paths[1:], strict=True, force=True)


def test_drums_as_the_sound_play_their_hits() -> None:
    rng = np.random.default_rng(0)
    hit = rng.normal(size=RATE // 2) * np.exp(-np.arange(RATE // 2) / 2000)
    drums = Audio(np.tile(0.3 * hit, 6).astype(np.float32), RATE)
    with pytest.warns(CambiataWarning, match="no pitch that could be heard"):
        output = play(SCORE, drums)
    assert np.abs(output.samples).max() > 0.01


@pytest.mark.parametrize(
    ("sound", "match"),
    [
        (Audio(np.zeros(RATE), RATE), "sound: is silent"),
        (Audio(SOUND.samples[:, : RATE // 4], RATE), "less than one window of player; .* 0.5 s"),
    ],
)
def test_sounds_refused(sound: Audio, match: str) -> None:
    with pytest.raises(InputError, match=match):
        play(SCORE, sound)


def _message(kind: str, time: int = 0, **more: int) -> mido.Message:
    return mido.Message(kind, time=time, **more)


def test_scores_that_are_odd_are_played(tmp_path: Path) -> None:
    """Overlapping pitches, no length, no end, sixteen channels, a tempo that changes."""
    tracks = []
    for channel in range(16):
        tracks.append(
            mido.MidiTrack(
                [
                    mido.MetaMessage("set_tempo", tempo=400000 + 10000 * channel, time=0),
                    _message("note_on", note=40 + channel, channel=channel),
                    _message("note_on", 120, note=40 + channel, channel=channel),
                    _message("note_off", 60, note=40 + channel, channel=channel),
                    _message("note_on", 0, note=70, channel=channel),
                    _message("note_off", 0, note=70, channel=channel),
                    mido.MetaMessage("end_of_track", time=480),
                ]
            )
        )
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks = tracks
    file.save(tmp_path / "odd.mid")
    SOUND.save(tmp_path / "sound.wav")
    report = play_file(tmp_path / "odd.mid", tmp_path / "sound.wav", tmp_path / "out.wav")
    assert report.n_notes == 30  # two for each channel but the drums'; those of no length are none


@pytest.mark.parametrize(
    ("write", "match"),
    [
        (lambda path: path.write_text("no score"), "is not readable as MIDI"),
        (lambda path: mido.MidiFile().save(path), "has no notes"),
        (
            lambda path: cambiata.save_score(
                Score((Part((Note(0, 1, 36),), is_drum=True),)), path, force=True
            ),
            "has only drums",
        ),
    ],
)
def test_scores_refused(write: object, match: str, tmp_path: Path) -> None:
    write(tmp_path / "a.mid")  # type: ignore[operator]
    SOUND.save(tmp_path / "sound.wav")
    with pytest.raises(InputError, match=match):
        play_file(tmp_path / "a.mid", tmp_path / "sound.wav", tmp_path / "out.wav")
    assert {path.name for path in tmp_path.iterdir()} == {"a.mid", "sound.wav"}


def test_a_score_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    cambiata.save_score(SCORE, tmp_path / "a.mid")
    (tmp_path / "a.mid").rename(tmp_path / "a.dat")
    SOUND.save(tmp_path / "sound.wav")
    report = play_file(tmp_path / "a.dat", tmp_path / "sound.wav", tmp_path / "out.wav")
    assert not report.transcribed


def test_outputs_refused(tmp_path: Path) -> None:
    cambiata.save_score(SCORE, tmp_path / "a.mid")
    SOUND.save(tmp_path / "sound.wav")
    a, sound = tmp_path / "a.mid", tmp_path / "sound.wav"
    with pytest.raises(InputError, match="is also an input"):
        play_file(a, sound, sound, force=True)
    with pytest.raises(InputError, match="leave out `midi`"):
        play_file(a, sound, tmp_path / "out.wav", midi=tmp_path / "b.mid")
    with pytest.raises(InputError, match="does not play scores; use one of player"):
        play_file(a, sound, tmp_path / "out.wav", system="oneshot")
    with pytest.raises(InputError, match="tail -1 s: is out of range"):
        play_file(a, sound, tmp_path / "out.wav", tail_s=-1.0)
    with pytest.raises(TypeError, match=r"play_file: has no keyword tempi \(did you mean tempo"):
        play_file(a, sound, tmp_path / "out.wav", tempi=11)


def test_strict_is_named_only_where_it_would_help() -> None:
    score = Score((Part((Note(0.0, 0.2, 62), Note(0.2, 0.4, 100))),))
    with pytest.raises(InputError, match="transpose it to 21-108, or leave out `strict`"):
        play(score, SOUND, transpose=24, strict=True)
    for strict in (False, True):
        with pytest.raises(InputError, match=r"transpose it to 21-108$"):
            play(score, SOUND, transpose=48, strict=strict)


def test_a_timbre_of_another_system_names_one_that_plays_it() -> None:
    timbre = capture_timbre([SOUND])
    with pytest.raises(InputError, match='is of oneshot; use `system="player"`'):
        play(SCORE, timbre, system="wavenet")
    with pytest.raises(InputError, match='is of oneshot; use `system="oneshot"`'):
        transfer(SOUND, timbre, system="musaicing")
    other = replace(timbre, system="vqvae")
    with pytest.raises(InputError, match="is of vqvae; give the recording that it was captured"):
        play(SCORE, other)


def test_noise_is_named_and_no_octave_is_above_it(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal(2 * RATE) / 10
    Audio(noise, RATE).save(tmp_path / "noise.wav")
    SOUND.save(tmp_path / "sound.wav")
    sound, style, output = (tmp_path / name for name in ("sound.wav", "noise.wav", "out.wav"))
    said = r"noise\.wav: has no pitch that could be heard"
    with pytest.warns(CambiataWarning, match=said):
        assert transfer_file(sound, style, output).octaves_above_style == 0
    with pytest.warns(CambiataWarning, match=said):
        capture_timbre([style], tmp_path / "noise.timbre")
    report = transfer_file(sound, tmp_path / "noise.timbre", output, force=True)
    assert report.octaves_above_style == 0
    with pytest.warns(CambiataWarning, match=said):
        play(SCORE, cambiata.load(style))


@pytest.mark.parametrize("name", ["performancenet", "wavenet"])
def test_the_designs_named_in_the_literature_play(name: str) -> None:
    short = Score((Part((Note(0.02, 0.06, 60),)),))  # wavenet draws its samples one by one
    output = play(short, SOUND, system=name, tail_s=0.04)
    assert output.samples.shape == (1, round(0.1 * RATE))
    assert np.isfinite(output.samples).all()
    again = play(short, SOUND, system=name, tail_s=0.04)
    assert output.samples.tobytes() == again.samples.tobytes()


def test_a_score_is_moved_by_semitones_and_to_a_key(tmp_path: Path) -> None:
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    notes = tuple(Note(0.3 * i, 0.3 * i + 0.3, pitch) for i, pitch in enumerate(scale))
    cambiata.save_score(Score((Part(notes),)), tmp_path / "scale.mid")
    Audio(melody([57, 60, 64, 67], rate=44100), 44100).save(tmp_path / "sound.wav")
    paths = (tmp_path / "scale.mid", tmp_path / "sound.wav", tmp_path / "out.wav")
    report = cambiata.play_file(*paths, to_key="Eb", force=True)
    assert (report.transposed, report.key, report.n_notes) == (3, "C major", 8)
    heard = [note.pitch for note in cambiata.transcribe(cambiata.load(paths[2])).notes]
    assert set(heard) >= {pitch + 3 for pitch in scale[:4]}
    report = cambiata.play_file(*paths, transpose=-12, force=True)
    assert (report.transposed, report.key) == (-12, None)
    with pytest.raises(InputError, match="does not go with `to_key`"):
        cambiata.play_file(*paths, transpose=2, to_key="D", force=True)
