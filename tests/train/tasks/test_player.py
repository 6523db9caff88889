"""Players of scores from examples to ONNX: they learn, export, and play."""

from pathlib import Path

import numpy as np
import pytest
from sounds import melody
from tiny_training import SETTINGS, train_and_export

from cambiata import Audio, Note, Part, Score, play

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.data.scored_examples import JoinedExamples, ScoredExamples  # noqa: E402
from cambiata.partials.analysis import hann_power  # noqa: E402
from cambiata.partials.bands import bands_db  # noqa: E402
from cambiata.partials.note_frames import HOP, WINDOW  # noqa: E402
from cambiata.train.note_dataset import precompute_features, split_waveform  # noqa: E402
from cambiata.train.tasks.player import ConcatDataset, PlayerDataset, PlayerTask, PlayerTraining  # noqa: E402

SOUND = Audio(melody([57, 60, 64, 69], partials=10, rate=44100), 44100)
SCORE = Score((Part((Note(0.0, 0.4, 60), Note(0.4, 0.8, 64))),))


def test_sets_are_joined(scored_examples: ScoredExamples, roll_examples: ScoredExamples) -> None:
    both = JoinedExamples([scored_examples, roll_examples])
    assert len(both) == 8
    assert np.array_equal(both[5].sounds, roll_examples[1].sounds)
    assert len(both.validation()) == 4
    with pytest.raises(IndexError):
        both[8]
    concatenated = ConcatDataset([_Numbers([1, 2]), _Numbers([3])], [1, 3])
    assert [concatenated[i] for i in range(len(concatenated))] == [1, 2, 3, 3, 3]


class _Numbers(list[int]):
    def validation(self) -> "_Numbers":
        return self


@pytest.mark.slow
def test_a_player_trained_here_plays(scored_examples: ScoredExamples, tmp_path: Path) -> None:
    path = train_and_export(
        "player", tmp_path, scored_examples.folder, **SETTINGS | {"task.width": "32"}
    )
    made = play(SCORE, SOUND, settings={"weights": path})
    assert np.isfinite(made.samples).all()


def test_the_score_is_what_the_player_is_asked(scored_examples: ScoredExamples) -> None:
    features = precompute_features(scored_examples, "listener", n_workers=1)
    rows = PlayerDataset(features, scored_examples)
    task = PlayerTask(PlayerTraining(width=16))
    unpacked = task.unpack(torch.from_numpy(rows[0]))
    pitches = {int(pitch) for pitch in unpacked.queries[:, 19]}
    assert pitches <= {note.pitch for note in scored_examples[0].notes[0]}
    # A score says nothing of how levels go.
    assert not unpacked.queries[:, 14].any()


def test_waveforms_lie_behind_the_rest(scored_examples: ScoredExamples) -> None:
    features = precompute_features(scored_examples, "listener", n_workers=1)
    rows = PlayerDataset(features, scored_examples, waveforms=True).validation()
    task = PlayerTask(PlayerTraining(width=16, loss="waveform", equalise_db=0))
    packed = torch.from_numpy(rows[1])
    alone, waveform = split_waveform(packed, task.n_bands)
    without = PlayerDataset(features, scored_examples).validation()[1]
    assert np.array_equal(alone.numpy(), without)
    example = task.unpack(packed)
    assert len(waveform) == example.target.shape[1] * HOP
    # The waveform is the one whose levels in bands lie beside it.
    power = hann_power(waveform.float().numpy(), WINDOW, HOP) * np.float32(16 / WINDOW**2)
    inside = slice(4, -4)  # The dataset's frames see beyond the half.
    levels_db, target_db = bands_db(power)[:, :-1][:, inside], example.target.numpy()[:, inside]
    audible = target_db > -40
    assert np.abs(levels_db - target_db)[audible].max() < 0.5


def test_waveforms_are_learnt_by_without_filters() -> None:
    with pytest.raises(ValueError, match="set equalise_db to 0"):
        PlayerTraining(loss="waveform")


@pytest.mark.parametrize("loss", ["levels", "l1", "multi-scale", "waveform"])
def test_the_player_learns_by_every_loss(loss: str, scored_examples: ScoredExamples) -> None:
    torch.manual_seed(0)
    features = precompute_features(scored_examples, "listener", n_workers=1)
    rows = PlayerDataset(features, scored_examples, waveforms=loss == "waveform")
    task = PlayerTask(PlayerTraining(width=64, loss=loss, equalise_db=0))  # type: ignore[arg-type]
    batch = torch.stack([torch.from_numpy(rows[i]) for i in range(4)])
    watched = "waveform" if loss == "waveform" else "level"
    before = task(batch, 0.0)[watched]
    optimizer = torch.optim.AdamW(task.parameters(), 2e-3)
    for _ in range(25):
        losses = task(batch, 0.0)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert float(task(batch, 0.0)[watched].detach()) < 0.95 * float(before.detach())
