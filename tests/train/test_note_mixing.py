"""Clips that are mixed while training: no warning, and the notes that were asked for."""

from pathlib import Path

import numpy as np
import pytest
import scipy.signal

pytest.importorskip("torch")
import torch
from tiny_packs import tiny_pack

from cambiata.data.clip_examples import align_rooms
from cambiata.data.clips import EVENT, MAX_EVENTS, SETTING
from cambiata.data.note_pack import NotePack, PackWriter
from cambiata.partials.posteriors import BANDS
from cambiata.train.note_mixing import Mixed, NoteMixer

RATE, HOP = BANDS.sample_rate, BANDS.hop_length
_DRY = {"room": -1.0, "noise_db": -200.0, "hum_db": -200.0, "high_cut_hz": 22050.0}
SUSTAINED_C, SUSTAINED_A, DECAYING_C = range(3)  # notes of `_sines`


def clip(**event: float) -> torch.Tensor:
    """A row of one dry clip with one note."""
    settings = dict.fromkeys(SETTING, 0.0)
    settings |= {"room": -1.0, "noise_db": -200.0, "hum_db": -200.0, "high_cut_hz": 22050.0}
    events = np.full((MAX_EVENTS, len(EVENT)), -1, np.float32)
    events[0] = [event.get(name, 0.0) for name in EVENT]
    return torch.tensor(np.concatenate([list(settings.values()), events.ravel()]))[None].float()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_pack_on_disk_is_mixed_without_a_warning(tmp_path: Path, read_only: bool) -> None:
    pack = NotePack.load(tiny_pack(tmp_path / "pack"))
    if read_only:  # a warning is an error here
        pack = NotePack(np.load(tmp_path / "pack/audio.npy", mmap_mode="r"), pack.notes)
    before = (tmp_path / "pack/audio.npy").read_bytes()
    mixer = NoteMixer(pack, np.zeros((0, 1), np.float32), 32768)
    row = clip(note=1, start_s=0.1, gate_s=0.3, pitch=60, attack_s=0.002, release_db_s=600)
    sound = mixer(row).sound[0].numpy()
    assert np.isfinite(sound).all()
    spectrum = np.abs(np.fft.rfft(sound[4410:17640]))
    assert spectrum.argmax() * 44100 / 13230 == pytest.approx(261.6, abs=4)
    assert np.abs(sound[:4300]).max() < 0.02 * np.abs(sound).max()
    assert (tmp_path / "pack/audio.npy").read_bytes() == before


def test_rooms_begin_behind_their_direct_sound() -> None:
    response = np.zeros(1000, np.float32)
    response[[100, 150, 400]] = 1.0, 0.5, -0.25
    [room] = align_rooms([response])
    assert room.shape == (131072,)
    assert room[400 - 188] == pytest.approx(-1.0, abs=1e-5)
    assert np.count_nonzero(room) == 1
    assert align_rooms([]).shape == (0, 131072)


def _sines() -> NotePack:
    """A sine that sustains and one that dies away, middle C and the A above it."""
    writer = PackWriter()
    t = np.arange(round(2.2 * RATE)) / RATE
    for timbre, decay in enumerate((0.0, 3.0)):
        for pitch in (60, 69):
            hz = 440 * 2 ** ((pitch - 69) / 12)
            writer.add(np.sin(2 * np.pi * hz * t) * np.exp(-decay * t), pitch, 100, timbre)
    return writer.pack([])


def _mixed(*notes: dict[str, float], n_frames: int = 128, **settings: float) -> Mixed:
    """A clip of notes of the sines, dry unless settings say otherwise."""
    table = np.full((MAX_EVENTS, len(EVENT)), -1, np.float32)
    for i, note in enumerate(notes):
        event = {"release_db_s": 600.0, "attack_s": 0.002} | note
        table[i] = [event.get(name, 0.0) for name in EVENT]
    chosen = dict.fromkeys(SETTING, 0.0) | _DRY | settings
    row = np.concatenate([[chosen[name] for name in SETTING], table.ravel()])
    mixer = NoteMixer(_sines(), np.zeros((0, 1), np.float32), n_frames * HOP)
    return mixer(torch.tensor(row, dtype=torch.float32)[None])


def _pitch(sound: np.ndarray) -> np.ndarray:
    """Pitch of a sine at every sample, from its analytic signal."""
    phase = np.unwrap(np.angle(scipy.signal.hilbert(sound)))
    hz = np.maximum(np.gradient(phase) * RATE / (2 * np.pi), 1)  # in silence it is anything
    return 69 + 12 * np.log2(hz / 440)


@pytest.mark.parametrize(
    "manner",
    [
        {},
        {"detune_cents": -30.0},
        {"vibrato_cents": 60.0, "vibrato_hz": 5.5, "vibrato_phase": 1.0, "vibrato_delay_s": 0.3},
        {"glide_cents": -200.0, "glide_s": 0.3},
        {"bend_cents": 150.0, "bend_at_s": 0.8, "bend_s": 0.4},
    ],
)
@pytest.mark.parametrize("pitch", [69, 71, 57])
def test_the_deviation_is_the_sound_s(manner: dict[str, float], pitch: int) -> None:
    """Of a note at its sample's pitch, and of others, which are resampled."""
    note = {"note": SUSTAINED_A, "pitch": pitch, "start_s": 0.1, "gate_s": 1.8} | manner
    mixed = _mixed(note)
    assert (mixed.row.tolist(), mixed.clip.tolist()) == ([pitch - 21], [0])
    heard = _pitch(mixed.sound[0].numpy().astype(float))
    frames = np.arange(8, 76)  # well inside
    cents = mixed.cents[0, pitch - 21].numpy()
    at = frames * HOP
    assert heard[at] - pitch == pytest.approx(cents[frames] / 100, abs=0.02)
    expected = np.ptp(cents[frames])
    assert (expected > 20) == (len(manner) > 1)
    others = np.delete(mixed.cents[0].numpy(), pitch - 21, axis=0)
    assert not others.any()


def test_powers_are_those_of_each_pitch() -> None:
    first = {"note": SUSTAINED_A, "pitch": 69, "start_s": 0.2, "gate_s": 1.0}
    second = {"note": SUSTAINED_C, "pitch": 60, "start_s": 0.7, "gate_s": 1.5, "gain_db": -12.0}
    both = _mixed(first, second)
    for note, row in ((first, 48), (second, 39)):
        alone = _mixed(note)
        sound = alone.sound[0].numpy().astype(float)
        # The mixture of sines of two pitches has their powers' sum as its mean.
        mean = np.mean([x.square().mean().item() for x in both.sound])
        assert mean == pytest.approx(1, abs=1e-3)
        frames = np.arange(1, 120)
        around = [np.mean(sound[(i - 1) * HOP : (i + 1) * HOP] ** 2) for i in frames]
        assert alone.power[0, row].numpy()[frames] == pytest.approx(around, rel=1e-3, abs=1e-6)
        # In company it is as loud, but for the mean that all is measured by.
        share = (both.power[0, row] / alone.power[0, row].clamp_min(1e-9)).numpy()[36:41]
        assert np.ptp(share) < 1e-3 * share.max()
    a, c = both.power[0, 48, 40], both.power[0, 39, 60]
    assert 10 * np.log10(float(a / c)) == pytest.approx(12, abs=0.1)
    assert not both.power[0, np.setdiff1d(np.arange(88), (39, 48))].any()


@pytest.mark.parametrize("release_db_s", [100.0, 400.0])
def test_a_note_let_go_dies_as_fast_as_it_is_said(release_db_s: float) -> None:
    note = {"note": SUSTAINED_A, "pitch": 69, "start_s": 0.2, "gate_s": 1.0}
    mixed = _mixed(note | {"release_db_s": release_db_s})
    assert mixed.start.item() == pytest.approx(0.2 * RATE / HOP, abs=1e-3)
    assert mixed.end.item() == pytest.approx(1.2 * RATE / HOP, abs=1e-3)
    envelope_db = 20 * np.log10(np.abs(scipy.signal.hilbert(mixed.sound[0].numpy())) + 1e-9)
    at = [round(s * RATE) for s in (1.0, 1.15, 1.21, 1.21 + 20 / release_db_s)]
    before, still, early, late = envelope_db[at]
    assert still == pytest.approx(before, abs=0.1)
    assert early - late == pytest.approx(20, abs=0.5)
    silent = round((1.2 + min(1, 60 / release_db_s) + 0.1) * RATE)
    assert np.abs(mixed.sound[0].numpy()[silent:]).max() < 1e-4
    assert np.abs(mixed.sound[0].numpy()[: round(0.19 * RATE)]).max() < 1e-4


def test_what_sustains_goes_on_beyond_its_sample_and_what_decays_does_not() -> None:
    long = {"pitch": 60, "start_s": 0.0, "gate_s": 5.0}
    held, gone = (
        _mixed(long | {"note": note}, n_frames=220).sound[0].numpy()
        for note in (SUSTAINED_C, DECAYING_C)
    )
    pieces = held[: 21 * 10240].reshape(21, 10240)[1:]
    levels_db = 10 * np.log10(np.square(pieces).mean(axis=1))
    assert np.ptp(levels_db) < 0.5
    # Where it turns, the waveform bends but does not jump.
    steps = np.abs(np.diff(held[RATE // 10 : 210 * HOP]))
    assert steps.max() < 1.3 * steps[: 2 * RATE - RATE // 10].max()
    assert np.abs(gone[round(2.3 * RATE) :]).max() < 1e-5


def test_a_slurred_note_begins_where_it_is_nearer_to_its_own_pitch() -> None:
    """Gliding up from a whole tone below, half of the way is a semitone: there is the onset."""
    before = {"note": SUSTAINED_A, "pitch": 67, "start_s": 0.1, "gate_s": 0.9}
    slurred = {"note": SUSTAINED_A, "pitch": 69, "start_s": 1.0, "gate_s": 1.0, "slurred": 1.0}
    glide = {"skip_s": 0.3, "glide_cents": -200.0, "glide_s": 0.2}
    mixed = _mixed(before, slurred | glide)
    assert mixed.slurred.tolist() == [0, 1]
    assert mixed.start[1].item() == pytest.approx(1.1 * RATE / HOP, abs=1e-3)
    heard = _pitch(mixed.sound[0].numpy().astype(float))
    assert heard[round(1.1 * RATE)] == pytest.approx(68, abs=0.1)
    first = int(np.ceil(mixed.start[1].item()))
    assert abs(mixed.cents[0, 48, first].item()) <= 100
    # A scoop is no slur: the note begins where it begins.
    assert _mixed(slurred | glide | {"slurred": 0.0}).start[0].item() == pytest.approx(
        43.07, abs=0.01
    )


def test_drums_are_heard_but_are_no_notes() -> None:
    drum = {"note": SUSTAINED_A, "pitch": -1, "start_s": 0.5, "gate_s": 1.0}
    mixed = _mixed(drum)
    assert len(mixed.row) == 0
    assert not mixed.power.any()
    assert float(mixed.sound.abs().max()) > 0.5


def test_a_clip_without_notes_is_silent() -> None:
    mixed = _mixed()
    assert float(mixed.sound.abs().max()) < 1e-6
    assert mixed.power.shape == mixed.cents.shape == (1, 88, 128)
    noisy = _mixed(noise_db=-20.0)
    assert torch.isfinite(noisy.sound).all()
    assert float(noisy.sound.square().mean()) == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize(
    ("setting", "quieter_at_hz", "louder_at_hz"),
    [
        ({"low_cut_hz": 300.0}, 100, 3000),
        ({"high_cut_hz": 3000.0}, 10000, 1000),
        ({"eq_0_db": -12.0}, 50, 3000),
    ],
)
def test_clips_are_equalized(
    setting: dict[str, float], quieter_at_hz: float, louder_at_hz: float
) -> None:
    torch.manual_seed(0)
    plain = _mixed(noise_db=0.0).sound[0].numpy()
    torch.manual_seed(0)
    treated = _mixed(noise_db=0.0, **setting).sound[0].numpy()
    hz, before = scipy.signal.welch(plain, RATE, nperseg=4096)
    _, after = scipy.signal.welch(treated, RATE, nperseg=4096)
    gain_db = np.interp([quieter_at_hz, louder_at_hz], hz, 10 * np.log10(after / before))
    assert gain_db[0] < -9
    assert abs(gain_db[1]) < 0.5


def test_a_room_goes_on_after_the_note() -> None:
    note = {"note": SUSTAINED_A, "pitch": 69, "start_s": 0.1, "gate_s": 0.5}
    torch.manual_seed(0)
    wet = _mixed(note, room_s=1.0, wet_db=-6.0).sound[0].numpy()
    dry = _mixed(note).sound[0].numpy()
    after = slice(round(0.8 * RATE), round(1.0 * RATE))
    assert np.abs(dry[after]).max() < 1e-4
    assert np.square(wet[after]).mean() > 1e-4
    later = slice(round(1.3 * RATE), round(1.5 * RATE))
    # Sixty decibels a second: thirty in the half second between.
    fall = 10 * np.log10(np.square(wet[after]).mean() / np.square(wet[later]).mean())
    assert fall == pytest.approx(30, abs=3)
