"""What the note detector learns from mixed clips, and what it is judged by."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cambiata.partials.posteriors import pick_onsets  # noqa: E402
from cambiata.train.listener_network import HEADS  # noqa: E402
from cambiata.train.note_mixing import Mixed  # noqa: E402
from cambiata.train.note_targets import Targets, losses, make_targets  # noqa: E402

ROW, OTHER = 40, 47


def _mixed() -> Mixed:
    """Two clips: a note from 10.3 to 20 with another slurred to it, and one that goes on."""
    power = torch.zeros(2, 88, 50)
    power[0, ROW, 10:21], power[0, OTHER, 20:36], power[1, ROW, 30:] = 0.5, 0.1, 1.0
    cents = torch.zeros_like(power)
    cents[0, ROW, 10:21] = 25.0
    return Mixed(
        sound=torch.zeros(2, 50 * 1024),
        power=power,
        cents=cents,
        clip=torch.tensor([0, 0, 1]),
        row=torch.tensor([ROW, OTHER, ROW]),
        start=torch.tensor([10.3, 20.0, 30.0]),
        end=torch.tensor([20.0, 35.6, 80.0]),
        slurred=torch.tensor([0.0, 1.0, 0.0]),
    )


def test_onsets_are_placed_between_frames() -> None:
    targets = make_targets(_mixed())
    rows, at, height = pick_onsets(targets.onset[0].numpy(), 0.7)
    assert rows.tolist() == [ROW, OTHER]
    assert at == pytest.approx([10.3, 20.0], abs=0.01)
    assert (height >= 0.8).all()
    assert targets.onset[0].count_nonzero() <= 10
    rows, at, _ = pick_onsets(targets.offset[0].numpy(), 0.7)
    assert rows.tolist() == [ROW, OTHER]
    assert at == pytest.approx([20.0, 35.6], abs=0.01)
    # One that ends after the clip has no offset in it.
    assert not targets.offset[1].any()


def test_notes_are_active_from_onset_to_offset() -> None:
    active = make_targets(_mixed()).active.numpy()
    assert np.flatnonzero(active[0, ROW]).tolist() == list(range(10, 21))
    assert np.flatnonzero(active[0, OTHER]).tolist() == list(range(20, 37))
    assert np.flatnonzero(active[1, ROW]).tolist() == list(range(30, 50))
    assert active.sum() == 11 + 17 + 20


def test_levels_and_deviations_are_in_the_network_s_units() -> None:
    targets = make_targets(_mixed())
    assert float(targets.level[0, ROW, 15]) == pytest.approx(10 * np.log10(0.5) / 20, abs=1e-4)
    assert float(targets.level[0, 0, 0]) == -3  # silence: -60 dB
    assert float(targets.deviation[0, ROW, 15]) == 0.25


def test_slurs_are_learnt_near_onsets_alone() -> None:
    slurred = make_targets(_mixed()).slurred.numpy()
    near = {value: np.argwhere(slurred == value) for value in (0.0, 1.0)}
    assert {(clip, row) for clip, row, _ in near[0.0].tolist()} == {(0, ROW), (1, ROW)}
    assert {(clip, row) for clip, row, _ in near[1.0].tolist()} == {(0, OTHER)}
    assert near[1.0][:, 2].tolist() == [18, 19, 20, 21, 22]
    assert set(np.unique(slurred)) == {-1, 0, 1}


def _perfect(targets: Targets) -> torch.Tensor:
    outputs = torch.stack([*targets], 1)
    for i in (0, 1, 2, 5):
        outputs[:, i] = torch.logit(outputs[:, i].clamp(0, 1), 1e-6)
    return outputs


def test_what_is_right_costs_least() -> None:
    targets = make_targets(_mixed())
    perfect = losses(_perfect(targets), targets)
    for name in ("active", "level", "deviation", "slurred"):
        assert float(perfect[name]) < 1e-3
    for i, head in enumerate(HEADS):
        outputs = _perfect(targets)
        outputs[:, i] = 1 - outputs[:, i]
        worse = losses(outputs, targets)
        assert float(worse[head]) > float(perfect[head]) + 1e-3
        assert float(worse["loss"]) > float(perfect["loss"])
        for other in set(HEADS) - {head}:
            assert float(worse[other]) == pytest.approx(float(perfect[other]))


def test_silence_does_not_dilute_the_losses() -> None:
    """A clip with as much silence again costs what it cost."""
    targets = make_targets(_mixed())
    outputs = _perfect(targets)
    outputs[:, 1, ROW] -= 40
    longer = Targets(
        *(
            torch.cat([x, torch.full_like(x, v)], 2)
            for x, v in zip(targets, (0.0, 0.0, 0.0, -3.0, 0.0, -1.0), strict=True)
        )
    )
    silent = torch.cat([outputs, _perfect(Targets(*(x[..., 50:] for x in longer)))], 3)
    once, twice = losses(outputs, targets), losses(silent, longer)
    assert float(once["active"]) > 1
    for name in ("active", "level", "deviation", "slurred"):
        assert float(twice[name]) == pytest.approx(float(once[name]), rel=1e-3, abs=1e-4)
