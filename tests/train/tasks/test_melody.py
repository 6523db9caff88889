"""Melodies learnt: tunes and their families, the loss falls, what is exported restyles."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_tunes import sheet, tunes

from cambiata.data.melody_bars import (
    TuneBars,
    TunesConfig,
    parse_lines,
    write_bars,
)
from cambiata.melody.bars import MelodyLine
from cambiata.melody.encoding import Vocabulary
from cambiata.melody.latent import Latent, LatentConfig
from cambiata.melody.pati2018 import Pati2018
from cambiata.melody.system import MelodyAmounts
from cambiata.score.midi import Metre
from cambiata.score.sheet import Voice
from cambiata.train.config import LoopConfig, as_dict
from cambiata.train.export import export, export_task
from cambiata.train.loop import fit
from cambiata.train.melody_network import MelodyTraining
from cambiata.train.tasks.melody import MelodyTask, measure_styles
from cambiata.train.tasks.pati2018 import Pati2018Task, Pati2018Training
from cambiata.train.tasks.registry import training


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bars")
    write_bars(parse_lines(tunes(20)), place, 1)
    return place


def test_a_step_lowers_the_loss_of_one_batch(folder: Path) -> None:
    torch.manual_seed(0)
    bars = TuneBars(folder, "train")
    batch = torch.from_numpy(np.stack([bars[i] for i in range(32)]))
    task = MelodyTask(MelodyTraining(width=32), bars.words)
    optimizer = torch.optim.AdamW(task.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        loss = task(batch, 0.0)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.slow
def test_what_is_learnt_is_exported_and_restyles(folder: Path, tmp_path: Path) -> None:
    bars = TuneBars(folder, "train")
    config = training("melody", {"task.width": "48"})
    task = MelodyTask(config.task, bars.words)
    loop = LoopConfig(batch_size=32, learning_rate=3e-3, max_steps=150, n_workers=0, ema_decay=0.9)
    figures = fit(task, bars, loop, tmp_path / "run")
    assert figures["beats"] > 0.8
    _export(tmp_path, bars, task)
    latent = Latent(LatentConfig(str(tmp_path / "m.onnx")))
    tune = sheet("reel", 99)
    line = MelodyLine.of(tune.voices[0], tune.metre)
    assert latent.restyle(line, "hornpipe", MelodyAmounts(0.0, 0.0)) == line
    turned = latent.restyle(line, "hornpipe", MelodyAmounts(1.0, 0.0))
    dotted = ((0, True), (18, True))
    assert sum(p == dotted for i in turned.full_bars for p in turned.patterns(turned.bars[i])) > 16
    shown = MelodyLine.of(sheet("hornpipe", 98).voices[0], Metre(4, 4))
    assert latent.restyle(line, [shown], MelodyAmounts(1.0, 0.0)) != line


def _export(place: Path, bars: TuneBars, task: MelodyTask) -> None:
    about = {"system": "melody", "licence": "Apache-2.0", **measure_styles(task, bars)}
    facts = export_task(task.eval().float(), about, place / "m.onnx", half=True)
    assert facts["parity"]["max_difference"] < 1e-3


def test_presets_are_kept_in_json() -> None:
    for name in ("melody", "pati2018"):
        assert json.loads(json.dumps(as_dict(training(name))))["loop"]["n_threads"] == 1
    assert isinstance(training("melody").examples, TunesConfig)
    assert len(Vocabulary((), ())) == 1


@pytest.mark.slow
def test_genres_learn_their_own_durations(tmp_path: Path) -> None:
    """Two genres, each of one duration: the exported network must say the one of the genre."""
    torch.manual_seed(0)
    task = Pati2018Task(Pati2018Training(n_embedded=4, width=8), [12, 24])
    stretches = np.zeros((16, 12, 3), np.int16)
    stretches[:, :, 0] = 25 + np.random.default_rng(0).integers(-3, 3, (16, 12))
    stretches[:8, :, 1:] = 1, 0
    stretches[8:, :, 1:] = 2, 1
    batch = torch.from_numpy(stretches)
    optimizer = torch.optim.AdamW(task.parameters(), 0.05)
    for _ in range(40):
        loss = task(batch, 0.0)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    about = {"system": "pati2018", **task.onnx_facts(training("pati2018"), {})}
    export_task(task.eval(), about, tmp_path / "p.onnx", half=False)
    tune = sheet("reel", 5)
    line = MelodyLine.of(tune.voices[0], tune.metre)
    pati = Pati2018(str(tmp_path / "p.onnx"))
    lengths = {
        style: [
            t.length for t in pati.restyle(line, style, MelodyAmounts(), 0).voice(Voice(())).tones
        ]
        for style in ("reel", "hornpipe")
    }
    assert np.mean([length == Fraction(1, 2) for length in lengths["reel"]]) > 0.9
    assert np.mean([length == 1 for length in lengths["hornpipe"]]) > 0.9
    assert len(pati.generate("reel", 20)) == 20


def test_a_run_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="is not a run"):
        export(tmp_path / "nothing", tmp_path / "x.onnx")
