"""Recorded examples: the same for the same settings, by other instruments for validation."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_examples import TINY, tiny_examples
from tiny_fonts import Program, Zone, fluidsynth, sustained, write_font

from cambiata.audio.source import resample
from cambiata.data.bank_building import build_from_font
from cambiata.data.examples import (
    CONTENT,
    STYLE,
    TARGET,
    Examples,
    ExamplesConfig,
    open_composer,
    record_examples,
)
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.errors import InputError


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ExamplesConfig:
    fluidsynth()
    folder = tmp_path_factory.mktemp("examples")
    programs = []
    for n in range(1, 5):
        tone, loop = sustained(n)
        zones = (Zone(tone, 69, (60, 78), loop, release_s=0.05),)
        programs.append(Program(20 + n, f"tone {n}", zones))
    font = write_font(folder / "tones.sf2", programs)
    bank = build_from_font(font, folder / "bank", velocities=(90,), n_workers=1)
    name = bank.source.name
    return ExamplesConfig(
        banks=(str(bank.folder),),
        collections=(),
        n_examples=4,
        n_validation=2,
        n_shard=2,
        held_out=(f"{name}:21", f"{name}:22"),
        duration_s=1.0,
        treatment="none",
    )


def test_recorded_is_what_the_maker_composes(config: ExamplesConfig, tmp_path: Path) -> None:
    shares: list[float] = []
    found = record_examples(config, tmp_path / "a", n_workers=1, progress=shares.append)
    assert len(found) == 4
    assert shares[-1] == 1
    example = open_composer(config, False).example(3)
    for place, sound in ((CONTENT, example.content), (STYLE, example.style)):
        expected = resample(sound, RENDER_RATE_HZ, 16000)[: config.n_samples]
        np.testing.assert_allclose(found[3][place], expected, atol=1 / 32767)
    assert found[3].shape == (3, 16000)
    assert found[3].dtype == np.float32
    # As loud as each other, as composed.
    rms = np.sqrt(np.mean(np.square(found[3]), axis=1))
    assert rms[CONTENT] == pytest.approx(rms[TARGET], rel=0.05)


def test_what_is_there_stays_and_more_is_added(config: ExamplesConfig, tmp_path: Path) -> None:
    record_examples(replace(config, n_examples=2), tmp_path, n_workers=1)
    shard = tmp_path / "training-0000.npy"
    before = shard.stat().st_mtime_ns, shard.read_bytes()
    record_examples(config, tmp_path, n_workers=1)
    assert (shard.stat().st_mtime_ns, shard.read_bytes()) == before
    # And another folder holds the same, byte for byte.
    record_examples(config, tmp_path / "again", n_workers=1)
    for name in ("training-0001.npy", "validation-0000.npy"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_validation_hears_only_what_is_held_out(config: ExamplesConfig, tmp_path: Path) -> None:
    record_examples(config, tmp_path, n_workers=1)

    def instruments(kind: str) -> set[str]:
        rows = [json.loads(p.read_text()) for p in tmp_path.glob(f"{kind}-*.json")]
        return {name for row in rows for pair in row for name in pair}

    assert len(instruments("validation")) == 2
    assert not instruments("validation") & instruments("training")


def test_a_bank_for_tests_is_refused_before_anything_is_made(
    config: ExamplesConfig, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="is not a bank; make one"):
        record_examples(replace(config, banks=(str(tmp_path / "none"),)), tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_how_many_there_are_is_no_part_of_the_name() -> None:
    assert replace(TINY, n_examples=16).digest == TINY.digest
    assert replace(TINY, seed=1).digest != TINY.digest
    assert replace(TINY, treatment="wide").digest != TINY.digest


@pytest.mark.parametrize(
    "wrong",
    [{"n_shard": 3}, {"n_examples": 0}, {"duration_s": 0.0}, {"treatment": "odd"}],
)
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        replace(TINY, **wrong)


def test_they_travel_by_name(tmp_path: Path) -> None:
    # A worker that was sent what is in the files would need all memory there is.
    examples = tiny_examples(tmp_path).validation()
    sent = pickle.dumps(examples)
    assert len(sent) < 2000
    again = pickle.loads(sent)
    assert len(again) == len(examples) == 4
    np.testing.assert_array_equal(again[-1], examples[3])


def test_missing_files_are_named(tmp_path: Path) -> None:
    tiny_examples(tmp_path)
    with pytest.raises(InputError, match=r"lacks training-0002\.npy; record the examples first"):
        Examples(tmp_path, replace(TINY, n_examples=12))
    with pytest.raises(IndexError):
        Examples(tmp_path, TINY)[8]


@pytest.mark.parametrize(
    ("held_out", "match"),
    [
        (
            ("other:3", "other:4"),
            r"held_out: leaves 0 instruments of .* to validate with; name two",
        ),
        (("{}:21",), "held_out: leaves 1 instruments .* to validate with"),
        (("{}:21", "{}:22", "{}:23"), "held_out: leaves 1 instruments .* to learn from"),
        (("{}:x",), "held_out: names no instrument: .*; write BANK:PROGRAM"),
        (("test",), "held_out: names no instrument: test"),
    ],
)
def test_a_split_that_leaves_nothing_is_refused_before_anything_is_made(
    config: ExamplesConfig, tmp_path: Path, held_out: tuple[str, ...], match: str
) -> None:
    bank = config.held_out[0].partition(":")[0]
    wrong = replace(config, held_out=tuple(name.format(bank) for name in held_out))
    with pytest.raises(InputError, match=match):
        record_examples(wrong, tmp_path / "made", n_workers=1)
    assert not (tmp_path / "made").exists()
