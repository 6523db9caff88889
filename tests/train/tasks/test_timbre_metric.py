"""The timbre metric's network: its size, its loss, that it learns, and its way into ONNX."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_fonts import Program, Zone, fluidsynth, sustained, write_font

from cambiata.data.bank_building import build_from_font

torch = pytest.importorskip("torch")

from cambiata.train.tasks import timbre_metric  # noqa: E402
from cambiata.train.tasks.timbre_metric import (  # noqa: E402
    TimbreMetricConfig,
    TimbreNetwork,
    export,
    main,
    tracks,
    train,
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
    optimizer = torch.optim.Adam(network.parameters(), TimbreMetricConfig().learning_rate)
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
    torch.manual_seed(0)
    network = TimbreNetwork()
    noise = rng.standard_normal((400, 2, 12, 128)).astype(np.float32)
    assert triplet_accuracy(network, noise, names) == pytest.approx(0.5, abs=0.1)
    offsets = rng.standard_normal((10, 1, 12, 1)) * 30
    easy = (noise + offsets[np.arange(400) % 10]).astype(np.float32)
    assert triplet_accuracy(network, easy, names) > 0.95
    assert triplet_accuracy(network, easy, names) == triplet_accuracy(network, easy, names)


def test_negatives_are_of_other_instruments() -> None:
    names = np.array(["a"] * 50 + ["b"])
    chosen = timbre_metric._negatives(names, np.random.default_rng(0))
    assert (names[chosen] != names).all()
    with pytest.raises(ValueError, match="second instrument"):
        timbre_metric._negatives(names[:50], np.random.default_rng(0))


def test_epoch_passes_each_track_once() -> None:
    names = np.array([f"i{n % 7}" for n in range(50)])
    batches = list(timbre_metric._batches(names, 16, np.random.default_rng(0)))
    assert [batch.shape for batch in batches] == [(2, 16)] * 3
    anchors = np.concatenate([batch[0] for batch in batches])
    assert len(set(anchors)) == 48
    for anchor, negative in batches:
        assert (names[anchor] != names[negative]).all()


def test_exported_network_is_torchs(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnx")
    import onnxruntime

    torch.manual_seed(0)
    network = TimbreNetwork()
    with torch.no_grad():
        network(5 + 3 * torch.randn(16, 12, 257))  # statistics of its own
    with warnings.catch_warnings():
        # The exporter's own use of what PyTorch and Python deprecate.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        export(network, tmp_path / "network.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]
    session = onnxruntime.InferenceSession(
        tmp_path / "network.onnx", providers=["CPUExecutionProvider"]
    )
    assert [given.name for given in session.get_inputs()] == ["features"]
    for shape in ((1, 12, 257), (5, 12, 130), (2, 12, 1000)):
        x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        (theirs,) = session.run(["embedding"], {"features": x.numpy()})
        with torch.no_grad():
            ours = network.eval()(x)
        np.testing.assert_allclose(theirs, ours, atol=1e-4)


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


def test_tracks_are_two_segments_of_one_instrument(folder: str) -> None:
    features, names = tracks((folder,), 3, 4, 1)
    assert features.shape == (4, 2, 12, 257)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert all(name.startswith("tones: x (program") for name in names)
    assert not np.array_equal(features[:, 0], features[:, 1])


def test_failed_track_is_named() -> None:
    with pytest.raises(RuntimeError, match="/nowhere: is no bank"):
        tracks(("/nowhere",), 0, 1, 1)


@pytest.mark.slow
def test_training_learns_and_reports(folder: str) -> None:
    config = TimbreMetricConfig(n_tracks=96, n_validation=32, n_epochs=4)
    network, report = train((folder,), config, 2)
    assert len(report["validation"]) == 4
    assert report["validation"][-1] > max(0.6, report["untrained"])
    assert report["test"] > 0.6
    assert all(torch.isfinite(p).all() for p in network.parameters())


def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def quick(
        banks: tuple[str, ...], config: TimbreMetricConfig, n_workers: int
    ) -> tuple[TimbreNetwork, dict[str, float]]:
        asked.append((banks, config.n_tracks, n_workers))
        return TimbreNetwork(), {"test": 0.9}

    monkeypatch.setattr(timbre_metric, "train", quick)
    monkeypatch.setattr(timbre_metric, "export", lambda _, path: Path(path).write_bytes(b"onnx"))
    main(["one", "two", "-o", str(tmp_path / "x.onnx"), "--n-tracks", "5", "--n-workers", "1"])
    assert asked == [(("one", "two"), 5, 1)]
    assert json.loads((tmp_path / "x.json").read_text()) == {"test": 0.9}
    with pytest.raises(FileNotFoundError, match="/nowhere"):
        main(["one", "-o", "/nowhere/x.onnx"])
    assert len(asked) == 1
