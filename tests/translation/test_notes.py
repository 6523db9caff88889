"""Translation: what it owes its caller, whose domains it plays, and what blends are."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import melody

import cambiata
from cambiata import Audio, InputError, translate
from cambiata.audio.mel import log_mel
from cambiata.registry import translate_system
from cambiata.system import DomainMix
from cambiata.translation import notes
from cambiata.translation.domains import (
    FOLDER_VARIABLE,
    shipped_domains,
)
from cambiata.translation.notes import Translation
from cambiata.translation.sampling import mu_law_input

EXAMPLES = Path(__file__).parents[2] / "examples"
GOLDEN = Path(__file__).parent / "translation_golden.json"
BANDS_HZ = (125, 250, 500, 1000, 2000, 4000)
PRESETS = list(Translation.presets)
FAST = {"mor2018-small": 0.15}  # seconds of sound; it takes its time


@pytest.fixture(autouse=True)
def no_own_domains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "domains"))
    return tmp_path / "domains"


@pytest.fixture(params=PRESETS)
def system(request: pytest.FixtureRequest) -> Translation:
    return Translation(Translation.presets[request.param])


def _content(system: Translation) -> np.ndarray:
    rate = system.config.sample_rate
    sound = melody([60, 64, 67, 72], partials=10, rate=rate)
    return sound[: round(FAST["mor2018-small"] * rate)] if rate == 2000 else sound


def _render(system: Translation, shares: dict[str, float], **options: Any) -> np.ndarray:
    chosen = {"amount": 1.0, "seed": 0, "progress": lambda _share: None} | options
    return system.render(_content(system), system.blend(DomainMix.of(shares)), **chosen)


def test_says_what_it_is(system: Translation) -> None:
    assert translate_system("translation") is type(system)
    assert "translation" in [each.name for each in cambiata.available_systems()]
    assert all((system.summary, system.paper, system.trained, system.weights_licence))
    assert "amount" in (type(system).__doc__ or "")


def test_presets_play_their_domains(system: Translation) -> None:
    names, everything = system.domain_names(), [domain.name for domain in shipped_domains()]
    if system.config.domains == "mor2018-small-domains":
        assert names == ["church-organ", "nylon-guitar", "wind-quintet"]
        assert set(names) < set(everything)
    else:
        assert len(names) >= 6
        assert names == everything
        assert "string-quartet" in names


def test_a_domain_that_a_preset_lacks_is_refused_in_a_line() -> None:
    sound = Audio(melody([60]), 22050)
    expected = (
        "sitar: is not a domain of mor2018-small; "
        "use one of church-organ, nylon-guitar, wind-quintet"
    )
    with pytest.raises(InputError) as caught:
        translate(sound, "sitar", preset="mor2018-small")
    assert str(caught.value) == expected


def test_a_temperature_is_a_power_of_what_is_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    powers = []

    def sample(decoders: Any, latent: np.ndarray, per_frame: int, *_: Any, **__: Any) -> np.ndarray:
        powers.append([power for power, _ in decoders])
        return np.full(len(latent) * per_frame, 128)

    monkeypatch.setattr(notes, "sample_levels", sample)
    preset = Translation.presets["mor2018-small"]
    for temperature in (0.5, 1.0):
        system = Translation(replace(preset, temperature=temperature))
        _render(system, {"nylon-guitar": 0.25, "wind-quintet": 0.75})
    assert powers == [[0.5, 1.5], [0.25, 0.75]]


@pytest.mark.parametrize("temperature", ["0", "nan", "3"])
def test_a_temperature_out_of_range_is_refused(temperature: str) -> None:
    sound = Audio(melody([60]), 22050)
    with pytest.raises(InputError, match=r"temperature must be 0\.1 to 2\.0"):
        translate(sound, "nylon-guitar", settings={"temperature": temperature})


def test_keeps_length_input_and_seed(system: Translation) -> None:
    content = _content(system)
    before = content.copy()
    first = _render(system, {"wind-quintet": 1})
    assert first.shape == content.shape
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.array_equal(content, before)
    assert np.array_equal(first, _render(system, {"wind-quintet": 1}))
    assert not np.array_equal(first, _render(system, {"wind-quintet": 1}, seed=1))


def test_domains_differ(system: Translation) -> None:
    outputs = [_render(system, {name: 1}) for name in ("nylon-guitar", "church-organ")]
    assert np.linalg.norm(outputs[0] - outputs[1]) > 0.1 * np.linalg.norm(outputs[0])


def test_progress_rises_to_one(system: Translation) -> None:
    shares: list[float] = []
    _render(system, {"nylon-guitar": 1}, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_the_level_follows_the_content() -> None:
    system = Translation(Translation.presets["default"])
    content, timbre = _content(system), system.blend(DomainMix.of("church-organ"))
    loud, quiet = (
        system.render(level * content, timbre, amount=1.0, seed=0, progress=lambda _share: None)
        for level in (np.float32(1), np.float32(0.1))
    )
    assert np.linalg.norm(quiet) / np.linalg.norm(loud) == pytest.approx(0.1, rel=0.05)
    assert 0.2 < np.linalg.norm(loud) / np.linalg.norm(content) < 2


def test_the_shortest_input_it_names_is_enough(system: Translation) -> None:
    n = system.min_samples
    content = melody([60], rate=system.config.sample_rate)[:n]
    timbre = system.blend(DomainMix.of("nylon-guitar"))
    sound = system.render(content, timbre, amount=1.0, seed=0, progress=lambda _share: None)
    assert sound.shape == (n,)
    assert np.isfinite(sound).all()


def test_a_sound_without_notes_is_not_an_error() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 44100).astype(np.float32)
    with pytest.warns(cambiata.CambiataWarning, match="hardly a note was heard in it"):
        out = translate(Audio(noise, 44100), "church-organ")
    assert np.isfinite(out.samples).all()


def test_the_notes_are_those_of_the_content() -> None:
    pitches = [57, 60, 64, 69, 62]
    content = Audio(melody([float(p) for p in pitches], partials=8, rate=44100), 44100)
    for name in ("grand-piano", "string-quartet", "wind-quintet"):
        notes = cambiata.transcribe(translate(content, name))
        assert [note.pitch for note in notes.notes if note.duration_s > 0.1] == pitches, name


def test_octaves_move_the_notes() -> None:
    content = Audio(melody([57, 60, 64], partials=8, rate=44100), 44100)
    notes = cambiata.transcribe(translate(content, "grand-piano", octave=1))
    assert [note.pitch for note in notes.notes if note.duration_s > 0.1] == [69, 72, 76]


# --- blends ---------------------------------------------------------------------------------------


def test_shares_are_brought_to_one() -> None:
    assert DomainMix.of({"a": 3, "b": 1, "c": 0}).shares == (("a", 0.75), ("b", 0.25))
    assert DomainMix.of(DomainMix.of("a")) == DomainMix.of("a")


@pytest.mark.parametrize(
    ("shares", "match"),
    [({}, "names no domain"), ({"a": 0}, "names no domain"), ({"a": -1}, "is not a share")],
)
def test_wrong_shares_are_refused(shares: dict[str, float], match: str) -> None:
    with pytest.raises(InputError, match=match):
        DomainMix.of(shares)


def test_the_whole_of_one_is_that_one(system: Translation) -> None:
    one = _render(system, {"nylon-guitar": 1})
    assert np.array_equal(one, _render(system, {"nylon-guitar": 5, "church-organ": 0}))
    twice = system.blend(DomainMix((("nylon-guitar", 0.5), ("nylon-guitar", 0.5))))
    again = system.render(_content(system), twice, amount=1.0, seed=0, progress=lambda _share: None)
    assert np.linalg.norm(one - again) < 0.05 * np.linalg.norm(one)


def test_a_blend_goes_steadily_from_one_to_the_other() -> None:
    system = Translation(Translation.presets["default"])
    outputs = [
        log_mel(_render(system, {"church-organ": 1 - x, "pizzicato-strings": x}), 44100)
        for x in (0, 0.25, 0.5, 0.75, 1)
    ]
    away = [float(np.abs(each - outputs[0]).mean()) for each in outputs]
    near = [float(np.abs(each - outputs[-1]).mean()) for each in outputs]
    assert (np.diff(away) > 0).all()
    assert (np.diff(near) < 0).all()


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"octave": 9}, "octave must be -4 to 4"),
        ({"sample_rate": 22050}, "must be 44100: the encoder knows no other"),
        ({"weights": "listener"}, "is not of translation"),
        ({"domains": "mor2018-small"}, "is not of translation-domains"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        translate(Audio(melody([60]), 22050), "sitar", settings=settings)


def test_levels_are_the_published_ones() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("lightning_fabric")
    from cambiata.train.tasks.mor2018 import levels_to_input, mu_law_encode

    x = np.random.default_rng(0).uniform(-1.2, 1.2, 5000).astype(np.float32)
    expected = levels_to_input(mu_law_encode(torch.from_numpy(x))).numpy()
    # Where a level begins, a rounding may fall to either side.
    assert (np.abs(mu_law_input(x) - expected) < 1e-6).mean() > 0.999


def test_the_examples_sound_as_they_did_when_it_was_trained() -> None:
    """``PYTHONPATH=tests/support python tests/translation/test_notes.py`` writes it anew."""
    actual, expected = _golden(), json.loads(GOLDEN.read_text())
    for name in expected:
        np.testing.assert_allclose(actual[name], expected[name], atol=1.5)


def _golden() -> dict[str, Any]:
    """Levels, by octave and half second, of the cello as three domains play it."""
    content = cambiata.load(EXAMPLES / "cello.flac", end_s=3.0)
    levels = {}
    for name in ("grand-piano", "string-quartet", "church-organ"):
        out = translate(content, name)
        n = out.sample_rate // 2
        power = np.square(np.abs(np.fft.rfft(out.samples[0][: 6 * n].reshape(6, n), axis=1)))
        hz = np.fft.rfftfreq(n, 1 / out.sample_rate)
        bands = [power[:, (hz >= low) & (hz < 2 * low)].mean(1) for low in BANDS_HZ]
        level = 10 * np.log10(np.array(bands) / power.mean())
        levels[name] = np.round(np.maximum(level, -30).astype(float), 2).tolist()
    return levels


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(_golden(), indent=1) + "\n")
