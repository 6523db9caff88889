"""The groove autoencoder's training: sizes, one step, what is held out, and the way into ONNX."""

from pathlib import Path

import numpy as np
import pytest
from tiny_groove_data import tiny_groove_data

from cambiata import InputError
from cambiata.data.grooves import (
    HELD_OUT,
    N_CELLS,
    GroovesConfig,
    read_recordings,
    record_grooves,
)
from cambiata.weights import Model

torch = pytest.importorskip("torch")

from cambiata.train.export import export_task  # noqa: E402
from cambiata.train.loop import read_checkpoint  # noqa: E402
from cambiata.train.run import resume, start  # noqa: E402
from cambiata.train.tasks.groove import (  # noqa: E402
    GrooveTask,
    GrooveTraining,
    GrooveVae,
    reconstruction_figures,
)

TINY = GrooveTraining(width=16, n_hits=4, n_performance=3)


def test_it_is_small() -> None:
    n = sum(parameter.numel() for parameter in GrooveVae(GrooveTraining()).parameters())
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


def test_held_out_sessions_are_not_trained_on(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    config = GroovesConfig(str(tiny_groove_data(tmp_path / "data")))
    played = read_recordings(config.source)
    assert {x.session for x in played if x.is_held_out} == {
        "drummer1/session3",
        "drummer1/eval_session",
        "drummer7/session3",
        "drummer7/eval_session",
    }
    assert len(HELD_OUT) == len(set(HELD_OUT)) == 11
    windows = record_grooves(config, tmp_path / "windows")
    facts = windows.facts["banks"]
    assert facts["n_files"] == 6
    assert facts["n_windows"] == len(windows) == 4 * 4  # a window with every bar
    assert facts["n_validation_windows"] == len(windows.validation()) == 2 * 4
    assert np.array_equal(
        record_grooves(GroovesConfig(), tmp_path / "windows").windows, windows.windows
    )
    with pytest.raises(InputError, match=r"examples.source: names no folder; name the Groove MIDI"):
        record_grooves(GroovesConfig(), tmp_path / "nothing")


SETTINGS = {
    **{f"task.{name}": str(n) for name, n in (("width", 16), ("n_hits", 4), ("n_performance", 3))},
    "loop.batch_size": "4",
    "loop.max_steps": "24",
    "loop.minutes": "0",
    "loop.validate_every_s": "0",
}


@pytest.mark.slow
def test_training_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = {"examples.source": str(tiny_groove_data(tmp_path / "data"))}
    windows = tmp_path / "windows"
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    start("groove", whole, settings=SETTINGS | data, examples=windows)
    start("groove", broken, settings=SETTINGS | data | {"loop.max_steps": "10"}, examples=windows)
    with pytest.raises(InputError, match="broken: exists"):
        start("groove", broken, settings=SETTINGS | data, examples=windows)
    assert resume(broken)["step"] == 10
    states = [read_checkpoint(run)["task"] for run in (whole, broken)]
    assert all(states[0].keys() == state.keys() for state in states)
    assert torch.isfinite(states[0]["best_losses"]).all()
    again = tmp_path / "again"
    start("groove", again, settings=SETTINGS | data, examples=windows)
    same = read_checkpoint(again)["task"]
    assert all(torch.equal(states[0][name], same[name]) for name in same)


def test_the_halves_that_were_best_are_exported() -> None:
    torch.manual_seed(0)
    task = GrooveTask(TINY)
    first = {name: value.clone() for name, value in task.network.state_dict().items()}

    def lower(hits: float, performance: float, share: float) -> None:
        with torch.no_grad():
            for parameter in task.network.parameters():
                parameter += 1
        task.validated({"hits_loss": hits, "performance_loss": performance}, share)

    lower(0.1, 0.1, 0.05)  # too early to be compared
    assert not torch.isfinite(task.best_losses).any()
    lower(3.0, 2.0, 0.5)
    lower(2.0, 3.0, 0.6)
    lower(2.5, 2.5, 0.7)
    exported = task.exported().state_dict()
    for name, value in first.items():
        added = 3 if name.startswith("hits") else 2
        torch.testing.assert_close(exported[name], value + added)
    assert task.n_parameters == sum(p.numel() for p in task.network.parameters())


@pytest.mark.slow
def test_onnx_says_what_torch_says(tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = GrooveTask(TINY).eval()
    network = task.network
    facts = export_task(task, {"system": "groove"}, tmp_path / "x.onnx", half=False)
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

    told = reconstruction_figures(Perfect(TINY), torch.from_numpy(_windows()))
    assert (told["hits_f1"], told["velocity_error"], told["offset_error"]) == (1, 0, 0)
