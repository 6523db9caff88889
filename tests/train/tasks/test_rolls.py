"""Rows of rolls, and the encoder of a reference."""

import pytest

from cambiata.score.piano_roll import FRAME_RATE_HZ

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.data.scored_examples import ScoredExamples  # noqa: E402
from cambiata.train.tasks.rolls import RollExamples, SoundEncoder, unpack_batch  # noqa: E402


def test_rows_of_rolls(roll_examples: ScoredExamples) -> None:
    rows = RollExamples(roll_examples, 16000, FRAME_RATE_HZ)
    mel, roll, sound = unpack_batch(torch.from_numpy(rows[1])[None], 16000, FRAME_RATE_HZ)
    assert (mel.shape, roll.shape, sound.shape) == ((1, 80, 173), (1, 265, 500), (1, 32000))
    assert float((sound**2).mean()) == pytest.approx(1, rel=0.01)
    strikes = torch.nonzero(roll[0, :88])
    wanted = {(n.pitch - 21, round(n.start_s * 250)) for n in roll_examples[1].notes[0]}
    assert {(int(key), int(frame)) for key, frame in strikes} == wanted


def test_the_reference_is_pooled_over_time() -> None:
    """Frames in another order say the same: the original copied unrelated frames."""
    encoder = SoundEncoder(16).eval()
    mel = 6 * torch.randn(1, 80, 40) - 6
    twice = torch.cat([mel, mel], dim=2)
    with torch.no_grad():
        first, again = encoder(mel), encoder(twice)
        other = encoder(mel + torch.linspace(12, -12, 80)[:, None])
    assert float((first - again).abs().max()) < 0.3 * float((first - other).abs().max())
