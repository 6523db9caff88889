"""Rows: what each baseline and each system makes of a pair."""

import pickle

import numpy as np
import pytest
from sounds import melody
from tiny import RATE, TinySet

import cambiata
from cambiata.audio.sound import Audio
from cambiata.audio.stft import Stft
from cambiata.errors import InputError
from cambiata.evaluate import rows
from cambiata.evaluate.rows import find_row
from cambiata.evaluate.testset import Clips
from cambiata.registry import system_names, transfer_system


@pytest.fixture
def clips() -> Clips:
    return TinySet().clips("0001")


@pytest.mark.parametrize(
    ("name", "part", "kind"),
    [
        ("copy-content", "content", "copy"),
        ("copy-style", "style", "copy"),
        ("target", "target", "ceiling"),
    ],
)
def test_copies_are_exact(clips: Clips, name: str, part: str, kind: str) -> None:
    row = find_row(name)
    assert row.kind == kind
    np.testing.assert_array_equal(row.output(clips).samples, getattr(clips, part).samples)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_griffin_lim_of_the_target_has_its_length_and_its_spectrum(rate: int) -> None:
    target = Audio(melody([60, 64, 67], rate=rate), rate)
    output = find_row("griffin-lim-target").output(Clips(target, target, target))
    assert output.sample_rate == 16000
    expected = target.resampled(16000)
    assert output.samples.shape == expected.samples.shape
    stft = Stft(2048, 512, "hann")
    ours, theirs = (abs(stft.analyse(a.samples[0])) for a in (output, expected))
    # Phases are guessed, magnitudes kept: within -17 dB, and in their places.
    assert np.linalg.norm(ours - theirs) < 0.14 * np.linalg.norm(theirs)
    assert not np.allclose(output.samples, expected.samples, atol=1e-2)


@pytest.mark.parametrize("name", ["target", "griffin-lim-target"])
def test_without_a_target_there_is_no_ceiling(name: str) -> None:
    row = find_row(name)
    assert row.kind == "ceiling"
    with pytest.raises(InputError, match="target: this set has none; leave the row out"):
        row.output(TinySet(target=False).clips("0001"))


def test_a_system_s_row_is_its_transfer() -> None:
    content, style = Audio(melody([60], rate=16000), 16000), Audio(melody([62], 20, 16000), 16000)
    output = find_row("musaicing:cifka2021").output(Clips(content, style))
    expected = cambiata.transfer(content, style, system="musaicing", preset="cifka2021")
    np.testing.assert_array_equal(output.samples, expected.samples)


def test_a_system_without_a_preset_has_its_first(
    clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, object]] = []
    monkeypatch.setattr(rows, "transfer", lambda *_, **options: calls.append(options))
    for name in ("musaicing", "ulyanov"):
        find_row(name).output(clips)
    for options, name in zip(calls, ("musaicing", "ulyanov"), strict=True):
        assert options["system"] == name
        assert options["preset"] == next(iter(transfer_system(name).presets))
        assert options["amount"] == 1


@pytest.mark.parametrize("name", system_names("transfer"))
def test_every_system_and_preset_has_a_row(name: str) -> None:
    system = transfer_system(name)
    default = next(iter(system.presets))
    plain = find_row(name)
    assert (plain.kind, plain.label) == ("system", f"{name} ({default})")
    assert plain.about == f"{system.summary}; {system.paper}"
    assert plain.single == (system.extra is not None)
    for preset in system.presets:
        row = find_row(f"{name}:{preset}")
        assert (row.name, row.label) == (f"{name}:{preset}", f"{name} ({preset})")


@pytest.mark.parametrize(
    "name", ["target", "griffin-lim-target", "copy-style", *system_names("transfer")]
)
def test_rows_can_be_sent_to_processes(name: str) -> None:
    row = find_row(name)
    assert pickle.loads(pickle.dumps(row)) == row


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "magic",
            "magic: is not a row; use one of target, griffin-lim-target, copy-content",
        ),
        ("", ": is not a row; use one of"),
        ("copy-content:x", "copy-content:x: is not a row"),
        ("musaicing:nope", "musaicing: has no preset nope; use one of "),
        ("musaicing:", "musaicing: has no preset ; use one of "),
        ("musaicing@", "musaicing@: has no setting after @; write it as SYSTEM@KEY=VALUE"),
        ("musaicing@x=1", "musaicing: has no setting x; use one of "),
    ],
)
def test_an_unknown_row_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        find_row(name)
    assert str(refused.value).startswith(message)


def test_every_row_s_rate_is_known_to_the_metrics(clips: Clips) -> None:
    assert {find_row(n).output(clips).sample_rate for n in ("target", "copy-style")} == {RATE}


def test_settings_may_follow() -> None:
    row = find_row("musaicing:cifka2021@style_s=2;iterations=3")
    assert row.label == "musaicing (cifka2021, style_s=2, iterations=3)"
    assert row.output.options.settings == {"style_s": "2", "iterations": "3"}
