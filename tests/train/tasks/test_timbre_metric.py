"""The timbre metric's network: its size, its loss, that it learns, and its way into ONNX."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tiny_fonts import Program, Zone, fluidsynth, sustained, write_font

from cambiata.data.bank_building import build_from_font
from cambiata.data.timbre_tracks import (
    TracksConfig,
    choose_negatives,
    compose_tracks,
    record_tracks,
)

torch = pytest.importorskip("torch")

from cambiata.train.export import export, export_task  # noqa: E402
from cambiata.train.run import start  # noqa: E402
from cambiata.train.tasks.registry import make_task, training  # noqa: E402
from cambiata.train.tasks.timbre_metric import (  # noqa: E402
    TimbreNetwork,
    triplet_accuracy,
    triplet_loss,
)


def test_parameters_are_as_many_as_the_papers() -> None:
    network = TimbreNetwork()
    assert sum(parameter.numel() for parameter in network.parameters()) == 44_800
    statistics = [b for name, b in network.named_buffers() if "running" in name]
    assert sum(buffer.numel() for buffer in statistics) == 512


@pytest.mark.parametrize("n_frames", [128, 257, 400])
def test_embeddings_have_64_dimensions_at_any_length(n_frames: int) -> None:
    network = TimbreNetwork().eval()
    x = torch.randn(3, 12, n_frames, generator=torch.Generator().manual_seed(0))
    together = network(x)
    assert together.shape == (3, 64)
    apart = torch.cat([network(one[None]) for one in x])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-4)


def test_first_layer_is_what_is_written_down() -> None:
    # TensorFlow's "same" padding of width 4: one before, two after.
    network = TimbreNetwork().eval()
    x = torch.randn(1, 12, 128, generator=torch.Generator().manual_seed(0))
    seen: list[torch.Tensor] = []
    network.norms[0].register_forward_hook(lambda _module, given, _out: seen.append(given[0]))
    network(x)
    weight, bias = network.convolutions[0].weight, network.convolutions[0].bias
    padded = np.pad(x[0].numpy(), ((0, 0), (1, 2)))
    for at in (0, 60, 127):
        wanted = (
            np.einsum("oiw,iw->o", weight.detach(), padded[:, at : at + 4]) + bias.detach().numpy()
        )
        np.testing.assert_allclose(seen[0][0, :, at].detach(), wanted, atol=1e-5)
    assert seen[0].shape[2] == 128


def test_triplet_loss_in_closed_form() -> None:
    rng = np.random.default_rng(0)
    anchor, positive, negative = rng.standard_normal((3, 20, 64))

    def cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)

    wanted = np.maximum(0, 0.1 + cosine(anchor, negative) - cosine(anchor, positive)).mean()
    given = (torch.from_numpy(x) for x in (anchor, positive, negative))
    assert float(triplet_loss(*given, 0.1)) == pytest.approx(wanted, abs=1e-6)


def test_loss_falls_on_one_repeated_batch() -> None:
    torch.manual_seed(0)
    network = TimbreNetwork()
    x = torch.randn(3, 8, 12, 128)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    losses = []
    for _ in range(8):
        loss = triplet_loss(*network(x.flatten(0, 1)).chunk(3), 0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


def test_accuracy_is_half_by_chance_and_one_where_it_is_easy() -> None:
    rng = np.random.default_rng(0)
    names = np.array([f"i{n % 10}" for n in range(400)])
    negatives = choose_negatives(names, np.random.default_rng(0))
    torch.manual_seed(0)
    network = TimbreNetwork()
    noise = rng.standard_normal((400, 2, 12, 128)).astype(np.float32)
    offsets = rng.standard_normal((10, 1, 12, 1)) * 30

    def accuracy(features: np.ndarray) -> float:
        triplets = np.concatenate([features, features[negatives, 1:]], axis=1).astype(np.float32)
        return triplet_accuracy(network, torch.from_numpy(triplets))

    assert accuracy(noise) == pytest.approx(0.5, abs=0.1)
    easy = noise + offsets[np.arange(400) % 10]
    assert accuracy(easy) > 0.95
    assert accuracy(easy) == accuracy(easy)


def test_negatives_are_of_other_instruments() -> None:
    names = np.array(["a"] * 50 + ["b"])
    chosen = choose_negatives(names, np.random.default_rng(0))
    assert (names[chosen] != names).all()
    with pytest.raises(ValueError, match="second instrument"):
        choose_negatives(names[:50], np.random.default_rng(0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A bank of four tones."""
    fluidsynth()
    place = tmp_path_factory.mktemp("timbre")
    programs = []
    for number in range(4):
        tone, loop = sustained(3 * number + 1)
        programs.append(Program(number, "x", (Zone(tone, 69, (60, 78), loop),)))
    font = write_font(place / "tones.sf2", programs)
    return str(build_from_font(font, place / "bank", velocities=(90,), n_workers=1).folder)


@pytest.fixture(scope="module")
def settings(folder: str) -> dict[str, str]:
    sizes = {"examples.n_tracks": "96", "examples.n_validation": "32", "examples.n_passes": "4"}
    return {"examples.banks": folder, "loop.max_steps": "24", **sizes}


def test_tracks_are_two_segments_of_one_instrument(folder: str) -> None:
    features, names = compose_tracks((folder,), 3, 4, 1)
    assert features.shape == (4, 2, 12, 257)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert all(name.startswith("tones: x (program") for name in names)
    assert not np.array_equal(features[:, 0], features[:, 1])


def test_failed_track_is_named() -> None:
    with pytest.raises(RuntimeError, match="/nowhere: is not a bank"):
        compose_tracks(("/nowhere",), 0, 1, 1)


def test_each_track_is_an_anchor_in_every_pass(folder: str, tmp_path: Path) -> None:
    config = TracksConfig((folder,), n_tracks=12, n_validation=4, n_passes=3)
    triplets = record_tracks(config, tmp_path, n_workers=1)
    assert len(triplets) == 3 * 12
    assert [len(some) for some in (triplets.validation(), triplets.test())] == [4, 4]
    assert record_tracks(config, tmp_path)[7].tolist() == triplets[7].tolist()
    for i in range(len(triplets)):
        anchor, positive, negative = triplets[i]
        np.testing.assert_array_equal([anchor, positive], triplets.features[i % 12])
        of = [(triplets.features[n] == negative).all((1, 2)).any() for n in range(12)]
        assert triplets.names[of.index(True)] != triplets.names[i % 12]


@pytest.mark.slow
def test_training_learns_and_is_exported(settings: dict[str, str], tmp_path: Path) -> None:
    tracks = tmp_path / "tracks"
    before = start(
        "timbre-metric",
        tmp_path / "untrained",
        settings=settings | {"loop.max_steps": "1", "loop.learning_rate": "0"},
        examples=tracks,
    )
    after = start("timbre-metric", tmp_path / "run", settings=settings, examples=tracks)
    assert after["triplet_accuracy"] > max(0.6, before["triplet_accuracy"])
    facts = export(tmp_path / "run", tmp_path / "metric.onnx")
    assert facts["test"]["triplet_accuracy"] > 0.6
    assert facts["n_parameters"] == 44_800
    session = onnxruntime.InferenceSession(
        tmp_path / "metric.onnx", providers=["CPUExecutionProvider"]
    )
    assert [given.name for given in session.get_inputs()] == ["features"]
    assert session.run(["embedding"], {"features": np.zeros((1, 12, 400), np.float32)})[
        0
    ].shape == (1, 64)


@pytest.mark.slow
def test_exported_network_is_torchs(tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = make_task(training("timbre-metric"))
    network = task.network
    with torch.no_grad():
        network(5 + 3 * torch.randn(16, 12, 257))  # statistics of its own
    export_task(task.eval(), {"system": "timbre-metric"}, tmp_path / "network.onnx", half=False)
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]
    session = onnxruntime.InferenceSession(
        tmp_path / "network.onnx", providers=["CPUExecutionProvider"]
    )
    for shape in ((1, 12, 257), (5, 12, 130), (2, 12, 1000)):
        x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        (theirs,) = session.run(["embedding"], {"features": x.numpy()})
        with torch.no_grad():
            ours = network(x)
        np.testing.assert_allclose(theirs, ours, atol=1e-4)
