"""The renderer by itself: systems of one line, whose output is known beforehand."""

import gc
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest
from drums import drums
from sounds import melody

from cambiata import Audio, CambiataWarning, Note, Part
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.unpitched import unpitched_part
from cambiata.errors import CambiataError, InputError
from cambiata.partials.pitch_evidence import PitchEvidence
from cambiata.render import ContentRender, Render, ScoreRender
from cambiata.style import Style
from cambiata.system import PlaySystem, Progress, TransferConfig, TransferSystem

RATE = 22050
CONFIG = TransferConfig(sample_rate=RATE, chunk_s=1.0, overlap_s=0.1)
PART = Part((Note(0.0, 2.5, 60),))


class Same(TransferSystem[TransferConfig, float]):
    """Plays the content as it is, at a level that it is given as the timbre."""

    name: ClassVar[str] = "same"
    presets: ClassVar[Mapping[str, TransferConfig]] = {"default": CONFIG}
    min_samples = 100

    def capture(self, style: np.ndarray) -> float:
        return float(np.abs(style).max())

    def render(
        self, content: np.ndarray, timbre: float, *, amount: float, seed: int, progress: Progress
    ) -> np.ndarray:
        assert (amount, seed) == (1.0, 0)
        progress(1.0)
        return np.float32(timbre) * content


class Half(Same):
    """The same, for any amount."""

    def render(self, content: np.ndarray, timbre: float, **_options: Any) -> np.ndarray:
        return np.float32(timbre) * content


class AtOnce(Half):
    """The same, in threads; one that begins later has less to do, and ends earlier."""

    plays_at_once = True

    def render(self, content: np.ndarray, timbre: float, **options: Any) -> np.ndarray:
        for i in range(11):
            time.sleep(1e-3 * float(content[0] < 0))
            options["progress"](i / 10)
        return np.float32(timbre) * content


class Ramp(PlaySystem[TransferConfig, float]):
    """Plays the number of each sample, whatever the score."""

    name: ClassVar[str] = "ramp"
    presets: ClassVar[Mapping[str, TransferConfig]] = {"default": CONFIG}
    min_samples = 100

    def capture(self, style: np.ndarray) -> float:
        return float(np.abs(style).max())

    def prepare(self, part: Part) -> float:
        return part.end_s

    def render(
        self, prepared: float, timbre: float, start: int, n_samples: int, *, seed: int
    ) -> np.ndarray:
        assert (prepared, seed) == (PART.end_s, 0)
        return np.float32(1e-6 * timbre) * np.arange(start, start + n_samples, dtype=np.float32)


def _sound(duration_s: float = 3.0, level: float = 0.3, n_channels: int = 1) -> Audio:
    rng = np.random.default_rng(0)
    return Audio(level * rng.normal(size=(n_channels, round(duration_s * RATE))), RATE)


def _content_render(content: Audio, style: Audio | None = None, **options: Any) -> ContentRender:
    return ContentRender(content, style or _sound(0.5), Same(CONFIG), **options)


def _score_render(duration_s: float = 3.0, loudness_db: float = -20.0) -> ScoreRender:
    system = Ramp(CONFIG)
    style = Style(_sound(0.5), system)
    return ScoreRender(PART, style, system, duration_s=duration_s, loudness_db=loudness_db)


def _loudness_db(samples: np.ndarray) -> float:
    meter = LoudnessMeter(RATE)
    meter.add(samples)
    return meter.loudness_db()


def _whole(render: Render, **options: Any) -> np.ndarray:
    return np.concatenate(list(render.blocks(**options)), axis=1)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_a_content_played_as_it_is_comes_out_as_it_went_in(n_channels: int) -> None:
    content = _sound(n_channels=n_channels)
    render = _content_render(content)
    out = _whole(render)
    # The level that the system took away is given back, chunks fit, and no sample moves.
    np.testing.assert_allclose(out, content.samples, atol=1e-4)
    assert render.gain_db == pytest.approx(-20 * np.log10(float(render.style.timbre())), abs=0.01)


def test_a_region_is_that_part_of_the_whole() -> None:
    content = _sound()
    region = {"start_s": 0.7, "end_s": 2.3}
    start, stop = round(0.7 * RATE), round(2.3 * RATE)
    part = _whole(_content_render(content, **region))
    np.testing.assert_allclose(part, content.samples[:, start:stop], atol=1e-4)
    whole = _whole(_content_render(content, in_place=True, **region))
    assert np.array_equal(whole[:, :start], content.samples[:, :start])
    assert np.array_equal(whole[:, stop:], content.samples[:, stop:])
    np.testing.assert_allclose(whole, content.samples, atol=1e-4)


def test_a_tail_lengthens_the_content_and_ends_in_silence() -> None:
    content = _sound()
    out = _whole(_content_render(content, tail_s=0.5))
    assert out.shape[1] == content.n_samples + RATE // 2
    assert float(np.abs(out[:, -10:]).max()) < 1e-3


def test_a_level_out_of_reach_is_bounded_and_told() -> None:
    render = _content_render(_sound(), _sound(0.5, level=1e-4))
    with pytest.warns(CambiataWarning, match="next to nothing to play"):
        _whole(render)
    assert render.gain_db == ContentRender.max_gain_db


@pytest.mark.parametrize("n_channels", [1, 2])
def test_what_has_no_pitch_is_kept_at_its_level_and_the_rest_is_matched(n_channels: int) -> None:
    tune = melody([72, 76, 79, 72, 76, 79, 72])
    beat = drums(len(tune) / RATE, RATE)[0][: len(tune)]
    content = Audio(np.tile(tune + beat, (n_channels, 1)), RATE)
    render = _content_render(content, unpitched="keep")
    out = _whole(render)
    assert out.shape == content.samples.shape
    # Chunks of one second; their crossfades are of equal sounds.
    gain = 10 ** (render.gain_db / 20) * float(render.style.timbre())
    rest = unpitched_part(content.samples[0], RATE)
    played = out[0] - gain * content.samples[0]
    error = np.sqrt(np.mean((played - rest) ** 2) / np.mean(rest**2))
    assert error < 0.3  # medians at the borders of chunks differ from those of the whole
    # The content is played as loud as its pitched part.
    difference_db = _loudness_db(content.samples - rest) - _loudness_db(content.samples)
    assert 20 * np.log10(gain) == pytest.approx(difference_db, abs=0.3)
    assert difference_db < -0.5
    if n_channels == 2:
        assert np.array_equal(out[0], out[1])


def test_a_kept_part_grows_with_the_amount_and_ends_with_the_content() -> None:
    content = _sound(1.0)
    for amount in (0.0, 0.5):
        system = Half(CONFIG)
        options: dict[str, Any] = {"amount": amount, "tail_s": 0.2, "unpitched": "keep"}
        out = _whole(ContentRender(content, _sound(0.5), system, **options))
        assert out.shape[1] == content.n_samples + round(0.2 * RATE)
        assert not out[:, content.n_samples + 400 :].any()
        if amount == 0:
            np.testing.assert_array_equal(out[:, : content.n_samples], content.samples)


def test_a_score_is_as_long_and_as_loud_as_asked_and_fades() -> None:
    render = _score_render()
    out = _whole(render)
    assert out.shape == (1, 3 * RATE)
    body = out[0, : -round(0.02 * RATE)]
    np.testing.assert_allclose(body / body[1], np.arange(len(body)), rtol=1e-4)
    assert abs(out[0, -1]) < 0.01 * out[0].max()
    louder = _score_render(loudness_db=-14.0)
    np.testing.assert_allclose(_whole(louder), 10 ** (6 / 20) * out, rtol=1e-4)
    assert louder.gain_db == pytest.approx(render.gain_db + 6)


@pytest.mark.parametrize("duration_s", [0.3, 1.0, 4.0])
def test_progress_rises_to_one(duration_s: float) -> None:
    for render in (_content_render(_sound(duration_s)), _score_render(duration_s)):
        shares: list[float] = []
        _whole(render, progress=shares.append)
        assert shares == sorted(shares)
        assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_silence_is_raised_no_further_than_silence() -> None:
    render = _score_render()
    render.style._timbre = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not _whole(render).any()
    assert render.gain_db == 0.0


def test_the_scratch_file_is_gone_when_the_blocks_are(tmp_path: Path) -> None:
    for render in (_content_render(_sound()), _score_render()):
        blocks = render.blocks(scratch=str(tmp_path))
        next(blocks)
        blocks.close()  # type: ignore[attr-defined]
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_chunks_played_at_once_are_what_they_are_one_by_one() -> None:
    content, shares = _sound(5.0), list[float]()
    one_by_one = _whole(ContentRender(content, _sound(0.5), Half(CONFIG)))
    at_once = _whole(ContentRender(content, _sound(0.5), AtOnce(CONFIG)), progress=shares.append)
    np.testing.assert_array_equal(at_once, one_by_one)
    assert len(shares) > 50
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_who_stops_at_once_chunks_meets_the_error_itself() -> None:
    def stop(share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _whole(ContentRender(_sound(5.0), _sound(0.5), AtOnce(CONFIG)), progress=stop)


def test_a_style_that_cannot_be_captured_says_so_from_its_thread() -> None:
    class Deaf(AtOnce):
        def capture(self, _style: np.ndarray) -> float:
            raise InputError("style", "has no sound", "choose another")

    with pytest.raises(InputError, match="has no sound"):
        _whole(ContentRender(_sound(), _sound(0.5), Deaf(CONFIG)))


class Ahead(Half):
    """Notes with which tuning it is asked for notes."""

    hears_pitches, listens_ahead = True, True

    def __init__(self, config: TransferConfig) -> None:
        super().__init__(config)
        self.tunings: list[float] = []

    def listen(self, _content: np.ndarray, tuning_cents: float = 0.0) -> PitchEvidence:
        self.tunings.append(tuning_cents)
        return PitchEvidence(1.0, 1.0, 1, 1, 1.0)

    def settled(self, *_arguments: Any) -> Self:
        return self


def test_a_content_s_tuning_counts_where_all_of_it_is_listened_to_first() -> None:
    tune = melody([60 + 0.4, 64 + 0.4, 67 + 0.4] * 4, rate=RATE)
    system = Ahead(CONFIG)
    with pytest.warns(CambiataWarning, match="cents sharp"):
        render = ContentRender(Audio(tune, RATE), Audio(tune, RATE), system)
    list(render.blocks())
    assert len(system.tunings) > 4
    assert all(tuning == pytest.approx(40, abs=5) for tuning in system.tunings)


class Broken(Half):
    """Plays a number for every sample of the content."""

    value: ClassVar[float]

    def render(self, content: np.ndarray, *_timbre: float, **_options: Any) -> np.ndarray:
        return np.full_like(content, self.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e20])
@pytest.mark.filterwarnings("ignore:.*hardly a note")
def test_what_is_no_sound_never_comes_out(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Broken, "value", value, raising=False)
    render = ContentRender(_sound(0.5), _sound(0.5), Broken(CONFIG))
    with pytest.raises(CambiataError, match="same: plays NaN or infinite samples"):
        _whole(render)
