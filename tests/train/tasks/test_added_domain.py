"""A domain of the user's begins as the nearest that ships, with the shipped encoder's notes."""

from pathlib import Path

import numpy as np
import pytest
from sounds import melody

from cambiata.errors import InputError
from cambiata.partials.posteriors import BANDS

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")

from cambiata.train.tasks.added_domain import _prepare  # noqa: E402
from cambiata.train.tasks.translation import load_shipped_task  # noqa: E402

FOLDER = Path("recordings")


def test_it_begins_as_a_shipped_domain() -> None:
    clip = melody([60, 64, 67, 72], 10, BANDS.sample_rate)
    progress: list[float] = []
    task, halves, begun_from, distance_db = _prepare("own", [clip] * 3, 0, progress.append, FOLDER)
    shipped = load_shipped_task()
    assert (task.config.encoder, task.config.domains) == ("translation", ("own",))
    number = shipped.config.domains.index(begun_from)
    theirs = shipped.decoders.extract(number).state_dict()
    learnt = {x: y for x, y in task.decoders.state_dict().items() if not x.startswith("refiner")}
    assert len(learnt) > 10
    assert all(torch.equal(values, theirs[name]) for name, values in learnt.items())
    assert (len(halves), len(halves.validation())) == (2, 1)
    assert 0 < distance_db < 40
    assert progress == pytest.approx([1 / 3, 2 / 3, 1])


def test_recordings_without_notes_are_refused() -> None:
    noise = 0.1 * np.random.default_rng(0).normal(size=4 * BANDS.sample_rate).astype(np.float32)
    with pytest.raises(InputError, match="recordings: holds hardly a note"):
        _prepare("own", [noise] * 2, 0, None, FOLDER)
