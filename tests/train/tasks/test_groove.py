"""The groove autoencoder's training: sizes, one step, what is held out, and the way into ONNX."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_groove_data import tiny_groove_data

from cambiata import InputError
from cambiata.data.grooves import HELD_OUT, N_CELLS, read_recordings, training_windows
from cambiata.groove.grid import Groove
from cambiata.weights import Model

torch = pytest.importorskip("torch")

from cambiata.train.tasks.groove import (  # noqa: E402
    GrooveConfig,
    GrooveVae,
    export_groove,
    main,
    train_groove,
    validate,
)

TINY = GrooveConfig(width=16, n_hits=4, n_performance=3, batch_size=4)


def test_it_is_small() -> None:
    n = sum(parameter.numel() for parameter in GrooveVae(GrooveConfig()).parameters())
    assert n <= 1_000_000  # two bytes each: 2 MB


def _windows(n: int = 8) -> np.ndarray:
    rng = np.random.default_rng(1)
    hits = (rng.random((n, N_CELLS)) < 0.2).astype(np.float32)
    rest = rng.random((2, n, N_CELLS)).astype(np.float32)
    return np.stack([hits, hits * rest[0], 0.3 * hits * rest[1]], 1)


def test_the_loss_falls_on_a_repeated_batch() -> None:
    torch.manual_seed(0)
    network = GrooveVae(TINY)
    batch = torch.from_numpy(_windows())
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(40):
        terms = network.loss(batch, beta=0.1)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        losses.append({name: value.item() for name, value in terms.items()})
    for name in ("loss", "hits", "velocity"):
        assert losses[-1][name] < 0.9 * losses[0][name]


def test_the_divergence_is_torchs() -> None:
    torch.manual_seed(0)
    network = GrooveVae(TINY).eval()
    batch = torch.from_numpy(_windows(3))
    posteriors = [network.hits_in(batch[:, 0]), network.performance_in(batch.flatten(1))]
    expected = torch.zeros(3)
    for mean, log_variance in (each.chunk(2, 1) for each in posteriors):
        own = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
        plain = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
        expected += torch.distributions.kl_divergence(own, plain).sum(1)
    assert network.loss(batch, beta=1.0)["divergence"].item() == pytest.approx(
        expected.mean().item(), rel=1e-5
    )


@pytest.fixture
def unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training without writing ONNX, which takes long and is tested by itself."""

    def told(network: GrooveVae, place: Path, facts: dict[str, object]) -> dict[str, object]:
        place.touch()
        return {"network": network.state_dict(), **facts}

    monkeypatch.setattr("cambiata.train.tasks.groove.export_groove", told)


@pytest.mark.usefixtures("unwritten")
def test_held_out_sessions_are_not_trained_on(tmp_path: Path) -> None:
    played = read_recordings(tiny_groove_data(tmp_path))
    assert {x.session for x in played if x.is_held_out} == {
        "drummer1/session3",
        "drummer1/eval_session",
        "drummer7/session3",
        "drummer7/eval_session",
    }
    assert len(HELD_OUT) == len(set(HELD_OUT)) == 11
    facts = train_groove(tmp_path, tmp_path / "a.onnx", minutes=0, config=TINY)
    assert facts["n_files"] == 6
    assert facts["n_windows"] == 4 * 4  # a window with every bar
    assert facts["n_validation_windows"] == 2 * 4


@pytest.mark.usefixtures("unwritten")
def test_training_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    data, place = tiny_groove_data(tmp_path), tmp_path / "a.onnx"
    first = train_groove(data, place, minutes=0, config=TINY)
    assert first["n_epochs"] == 1
    with pytest.raises(InputError, match=r"a.onnx: is there already"):
        train_groove(data, place, config=TINY)
    again = train_groove(data, place, minutes=0.004, config=TINY, resume=True, force=True)
    assert again["n_epochs"] > 1
    assert again["curve"][0] == first["curve"][0]
    with pytest.raises(InputError, match=r"a.ckpt: is of another configuration; begin anew"):
        train_groove(data, place, minutes=0, resume=True, force=True)


@pytest.mark.usefixtures("unwritten")
def test_same_seed_same_weights(tmp_path: Path) -> None:
    data = tiny_groove_data(tmp_path)
    made = [
        train_groove(data, tmp_path / f"{i}.onnx", minutes=0, config=replace(TINY, seed=seed))
        for i, seed in enumerate((0, 0, 1))
    ]
    first, second, other = (each["network"] for each in made)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.slow
def test_onnx_says_what_torch_says(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = GrooveVae(TINY).eval()
    facts = export_groove(network, tmp_path / "x.onnx", {"n_epochs": 0})
    assert facts["parity"]["max_difference"] < 1e-4
    model = Model(
        (tmp_path / "x.onnx").read_bytes(), lambda file, _: (tmp_path / file).read_bytes()
    )
    windows = torch.from_numpy(_windows(5))
    hits, velocity, offset = windows.unbind(1)
    with torch.no_grad():
        wanted = network.decode_performance(network.encode_performance(*windows.unbind(1)), hits)
    latent = model.part("encode_performance")(*(x.numpy() for x in (hits, velocity, offset)))[0]
    made = model.part("decode_performance")(latent, hits.numpy())
    for ours, theirs in zip(made, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_validation_is_perfect_where_nothing_is_lost() -> None:
    class Perfect(GrooveVae):
        def decode_hits(self, _latent: object) -> object:
            return 20 * (torch.from_numpy(_windows())[:, 0] - 0.5)

        def decode_performance(self, _latent: object, _hits: object) -> object:
            return tuple(torch.from_numpy(_windows()).unbind(1)[1:])

    told = validate(Perfect(TINY), _windows())
    assert (told["hits_f1"], told["velocity_error"], told["offset_error"]) == (1, 0, 0)


def test_windows_begin_with_every_bar() -> None:
    hits = np.zeros((64, 9))
    hits[0, 0] = hits[17, 1] = hits[63, 2] = 1
    windows = training_windows([Groove.of_arrays(hits, 0.5 * hits, 0 * hits)])
    assert windows.shape == (4, 3, N_CELLS)
    assert windows[:, 0].sum(1).tolist() == [2, 1, 1, 1]


@pytest.mark.slow
def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"x.txt: is no .onnx file; name it NAME.onnx"):
        main([str(tmp_path), "-o", str(tmp_path / "x.txt")])
    tiny_groove_data(tmp_path)
    main([str(tmp_path), "-o", str(tmp_path / "x.onnx"), "--minutes", "0"])
    assert '"size_mb"' in capsys.readouterr().out
