"""SS-VQ-VAE's network: its size, its code, its losses, and that each preset learns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_examples import tiny_examples

from cambiata.errors import InputError
from cambiata.evaluate.metrics import paper_lsd
from cambiata.timbre_transfer.vqvae import STFT

torch = pytest.importorskip("torch")

from cambiata.train.export import export_task  # noqa: E402
from cambiata.train.exported import load_exported  # noqa: E402
from cambiata.train.tasks.registry import PRESETS, make_task, training  # noqa: E402
from cambiata.train.tasks.vqvae import VqVaeTask, VqVaeTraining  # noqa: E402
from cambiata.train.vqvae_network import (  # noqa: E402
    AverageCodebook,
    GradientCodebook,
    VqVae,
    VqVaeShape,
    load_published,
    nearest_code,
)

TINY_SHAPE = VqVaeShape(width=8, n_codes=16)
LEARNING = ("self-supervised", "supervised", "supervised-contrastive")


def n_parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _random(*shape: int) -> "torch.Tensor":
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_the_published_size_exactly() -> None:
    network = VqVae(training("vqvae-cifka2021").task.shape)
    parts = {
        "content": network.content_encoder,
        "style": network.style_encoder,
        "codes": network.codebook,
        "first": network.decoder[0],
        "second": network.decoder[1],
    }
    assert {name: n_parameters(part) for name, part in parts.items()} == {
        "content": 9_450_496,
        "style": 11_550_720,
        "codes": 2_097_152,
        "first": 12_599_296,
        "second": 19_963_919,
    }
    assert n_parameters(network) == 55_661_583


@pytest.mark.parametrize("n_frames", [8, 9, 10, 11, 257])
@pytest.mark.parametrize("decoder_grus", [False, True])
def test_as_many_frames_out_as_in(n_frames: int, decoder_grus: bool) -> None:
    network = VqVae(replace(TINY_SHAPE, decoder_grus=decoder_grus)).eval()
    made, ids, _, _ = network(_random(2, 1025, n_frames), _random(2, 1025, 40))
    assert made.shape == (2, 1025, n_frames)
    assert float(network.decoded(made).detach().min()) >= 0
    # 257 frames are 8 s: 129 after one stride, 65 codes after two.
    assert ids.shape == (2, (n_frames // 2 + 1) // 2 + 1)


def test_nearest_is_the_nearest() -> None:
    x, table = _random(3, 5, 4), _random(7, 4)
    wanted = torch.cdist(x, table.expand(3, -1, -1)).argmin(-1)
    assert torch.equal(nearest_code(x, table), wanted)


def test_the_gradient_passes_straight_through_the_code() -> None:
    codebook = GradientCodebook(6, 4)
    x = _random(2, 3, 4).requires_grad_()
    chosen, ids, loss = codebook(x)
    torch.testing.assert_close(chosen, codebook.table[ids])
    weights = _random(2, 3, 4)
    (chosen * weights).sum().backward()
    torch.testing.assert_close(x.grad, weights)
    assert codebook.table.grad is None
    loss.backward()
    assert codebook.table.grad is not None
    torch.testing.assert_close(x.grad, weights)  # the codebook's loss moves codes alone


def test_average_codes_move_to_what_chooses_them_and_dead_ones_come_back() -> None:
    torch.manual_seed(0)
    codebook = AverageCodebook(8, 2).train()
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    for step in range(300):
        noise = 0.1 * torch.randn(1, 64, 2, generator=torch.Generator().manual_seed(step))
        codebook(centres.repeat(16, 1)[None] + noise)
    distances = torch.cdist(centres, codebook.table).amin(1)
    assert float(distances.max()) < 0.2
    assert torch.isfinite(codebook.table).all()
    codebook.eval()
    before = codebook.table.clone()
    codebook(centres[None])
    assert torch.equal(codebook.table, before)


def test_components_are_the_principal_ones() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((1025, 5)) * [5, 4, 3, 2, 1]
    frames = (mixing @ rng.standard_normal((5, 400)) + 3).astype(np.float32)
    spectrogram = torch.from_numpy(frames)[None]
    network = VqVae(VqVaeShape(width=4, n_codes=4, n_components=5))
    network.fit_components(spectrogram)
    encoder_inputs = network.encoder_inputs(spectrogram)
    assert encoder_inputs.shape == (1, 5, 400)
    np.testing.assert_allclose(np.cov(encoder_inputs[0]), np.eye(5) * 400 / 399, atol=1e-3)
    # Five directions hold all there is; what is said of what is heard is the spectrogram again.
    np.testing.assert_allclose(network.decoded(encoder_inputs)[0], np.maximum(frames, 0), atol=1e-3)
    wanted = np.linalg.svd(frames - frames.mean(1, keepdims=True), compute_uv=False)[:5] / 20
    np.testing.assert_allclose(network.deviation[:, 0], wanted, rtol=1e-3)
    # And errors of components are errors of spectra.
    other = encoder_inputs + 0.1
    spectra = network.mean + network.basis.T @ (network.deviation * other)
    error = float((spectra - spectrogram).square().mean())
    assert float(network.error(other, encoder_inputs)) == pytest.approx(error, rel=1e-3)


def _published_like() -> dict[str, "torch.Tensor"]:
    """A checkpoint with other names, and a small range of values."""
    state = VqVae(VqVaeShape()).state_dict()
    return {f"theirs.{i}": value for i, value in enumerate(state.values())}


def test_the_authors_checkpoint_is_found_by_its_order(tmp_path: Path) -> None:
    theirs = _published_like()
    torch.save(theirs, tmp_path / "state.pt")
    network = load_published(tmp_path / "state.pt")
    for ours, value in zip(network.state_dict().values(), theirs.values(), strict=True):
        assert torch.equal(ours, value)
    theirs["theirs.0"] = theirs["theirs.0"][:-1]
    torch.save(theirs, tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"other\.pt: is another network's"):
        load_published(tmp_path / "other.pt")
    (tmp_path / "text.pt").write_text("no")
    with pytest.raises(InputError, match=r"text\.pt: cannot be read"):
        load_published(tmp_path / "text.pt")


def _task(shape: VqVaeShape = TINY_SHAPE, **settings: Any) -> VqVaeTask:
    torch.manual_seed(0)
    return VqVaeTask(VqVaeTraining(shape=shape, **settings))


def test_spectrograms_are_the_run_times_own() -> None:
    task = _task(level_db=-20.0)
    sound = np.random.default_rng(0).standard_normal(9000).astype(np.float32)
    level = 0.1 / np.sqrt(np.mean(np.square(sound)))
    wanted = np.log1p(np.abs(STFT.analyse(level * sound)))
    found = task.spectrograms(torch.from_numpy(sound)[None])
    np.testing.assert_allclose(found[0], wanted, atol=1e-4)
    assert float(task.spectrograms(torch.zeros(1, 9000)).abs().max()) == 0


def test_the_distance_is_the_metrics(tmp_path: Path) -> None:
    # The metric's windows are 2048 long and 512 apart, hence not to the last digit.
    task = _task()
    a, b = tiny_examples(tmp_path)[0][[0, 2]]
    spectrograms = task.spectrograms(torch.from_numpy(np.stack([a, b])))
    ours = float(task.log_spectral_distance_db(*spectrograms[:, None]))
    assert ours == pytest.approx(paper_lsd(a, b), abs=1.0)


def test_self_supervision_plays_content_with_another_segment_of_its_track() -> None:
    task = _task()
    batch = _random(64, 3, 5, 9)
    content, style, target = task._assign_roles(batch)
    assert torch.equal(content, target)
    swapped = [bool(torch.equal(c, s)) for c, s in zip(content, batch[:, 1], strict=True)]
    for i, swap in enumerate(swapped):
        assert torch.equal(content[i], batch[i, 1 if swap else 2])
        assert torch.equal(style[i], batch[i, 2 if swap else 1])
    assert 10 < sum(swapped) < 54


def test_supervision_hears_content_and_style_and_wants_the_target() -> None:
    task = _task(learning="supervised")
    batch = _random(2, 3, 5, 9)
    for i, found in enumerate(task._assign_roles(batch)):
        assert torch.equal(found, batch[:, i])


def test_a_crop_takes_content_and_target_at_one_place() -> None:
    task = _task(crop_s=0.5)
    batch = torch.arange(257.0).expand(64, 3, 2, 257)
    out = task._crop(batch)
    assert out.shape == (64, 3, 2, 17)
    assert torch.equal(out[:, 0], out[:, 2])
    assert torch.equal(out[0, 0, 0].diff(), torch.ones(16))
    begins = out[:, :, 0, 0]
    assert not torch.equal(begins[:, 0], begins[:, 1])
    assert len(begins[:, 0].unique()) > 30
    assert torch.equal(_task()._crop(batch), batch)


@pytest.mark.parametrize("n_components", [0, 6])
def test_what_is_kept_is_as_good_as_the_sound(n_components: int, tmp_path: Path) -> None:
    task = _task(shape=replace(TINY_SHAPE, n_components=n_components), learning="supervised")
    examples = tiny_examples(tmp_path)
    batch = torch.stack([torch.from_numpy(examples[i]) for i in range(4)])
    task.prepare(batch)
    if n_components:
        kept = task.compute_components(batch)
        assert kept.shape == (4, 3, 6, 33)
        assert task.cache_name.startswith("components-6-0db-")
        live = task.network.encoder_inputs(task.spectrograms(batch[:, 1]))
        torch.testing.assert_close(kept[:, 1], live)
        losses = task(kept.half(), 1.0)
    else:
        assert not task.cache_name
        losses = task(batch, 1.0)
    assert float(losses["loss"].detach()) > 0


def test_the_style_encoder_alone_learns_contrastively_first(tmp_path: Path) -> None:
    task = _task(learning="supervised-contrastive", contrastive_share=0.5)
    examples = tiny_examples(tmp_path)
    batch = torch.stack([torch.from_numpy(examples[i]) for i in range(4)])
    losses = task(batch, 0.49)
    losses["loss"].backward()
    learning = {
        name.partition(".")[0]
        for name, parameter in task.network.named_parameters()
        if parameter.grad is not None
    }
    assert learning == {"style_encoder"}
    assert set(losses) == {"loss", "contrastive", "found"}
    assert "reconstruction" in task(batch, 0.5)


def test_a_style_that_all_share_cannot_be_told_apart() -> None:
    task = _task(learning="supervised-contrastive").eval()
    same = _random(1, 1025, 40).expand(4, -1, -1)
    assert float(task._contrastive_losses(same, same)["loss"].detach()) == pytest.approx(
        np.log(4), abs=1e-3
    )


def test_the_losses_are_weighted_as_published() -> None:
    task = _task().train()
    torch.manual_seed(0)
    losses = task(_random(2, 3, 128000), 0.0)
    codes_per_frame = 65 / 257
    wanted = losses["reconstruction"] + codes_per_frame * (
        losses["codebook"] + 0.5 * losses["commitment"]
    )
    torch.testing.assert_close(losses["loss"], wanted)


# The authors' own network is ten times the size of ours.
_OF_VQVAE = [
    pytest.param(name, marks=pytest.mark.slow if name == "vqvae-cifka2021" else ())
    for name, make in PRESETS.items()
    if isinstance(make().task, VqVaeTraining)
]


@pytest.mark.parametrize("preset", _OF_VQVAE)
def test_every_preset_learns_one_repeated_batch(preset: str, tmp_path: Path) -> None:
    made = training(preset, {"task.shape.width": "16", "task.shape.n_codes": "16"})
    n_components = min(made.task.shape.n_components, 32)
    shape = replace(made.task.shape, n_components=n_components)
    made = replace(made, task=replace(made.task, shape=shape))
    torch.manual_seed(0)
    task = make_task(made).train()
    examples = tiny_examples(tmp_path)
    batch = torch.stack([torch.from_numpy(examples[i]) for i in range(4)])
    task.prepare(batch)
    batch = task.compute_components(batch) if task.cache_name else batch
    optimizer = torch.optim.AdamW(task.parameters(), 1e-2)
    seen = []
    for _ in range(12):
        torch.manual_seed(1)  # the same half swapped
        losses = task(batch, 0.9)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        seen.append(float(losses["reconstruction"].detach()))
    assert seen[-1] < 0.8 * seen[0]


def test_validation_counts_codes_and_leaves_no_trace(tmp_path: Path) -> None:
    task = _task(learning="supervised").eval()
    examples = tiny_examples(tmp_path).validation()
    before = {name: value.clone() for name, value in task.state_dict().items()}
    found = task.validate([torch.stack([torch.from_numpy(examples[i]) for i in range(4)])], 1.0)
    assert all(torch.equal(value, before[name]) for name, value in task.state_dict().items())
    assert 1 <= found["perplexity"] <= found["codes_used"] <= 16
    assert found["lsd_db"] > 0
    again = task.validate([torch.from_numpy(examples[i])[None] for i in range(4)], 1.0)
    for name in ("transfer", "lsd_db", "perplexity"):
        assert again[name] == pytest.approx(found[name], rel=1e-3)


def _trained(shape: VqVaeShape) -> VqVaeTask:
    """A task all of whose norms, codes and components are its own."""
    task = _task(shape, learning="supervised").train()
    task.network.fit_components(_random(4, 1025, 60))
    task.network.codebook.load_table(torch.randn(shape.n_codes, shape.width))
    with torch.no_grad():
        for parameter in task.parameters():
            if parameter.dim() == 1:  # norms begin as ones and zeros, each like the others
                parameter.add_(0.1 * torch.randn_like(parameter))
        for module in task.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.momentum = 1.0
        task.network(*_sounds(shape), quantised=False)
    return task.eval()


def _sounds(shape: VqVaeShape) -> "torch.Tensor":
    """Inputs of the encoders: contents and styles."""
    return _random(2, 64, shape.n_components or 1025, 40) - 0.5


@pytest.mark.parametrize(
    "shape",
    [
        VqVaeShape(8, 16, decoder_grus=False, codebook="moving-average", n_components=6),
        TINY_SHAPE,
    ],
)
def test_an_export_is_gone_on_with(shape: VqVaeShape, tmp_path: Path) -> None:
    trained = _trained(shape)
    facts = {"system": "vqvae", "preset": "supervised"}
    export_task(trained, facts, tmp_path / "tiny.onnx", half=False)
    other = _task(shape, learning="supervised")
    load_exported(other, tmp_path / "tiny.onnx")
    # Some norms are folded into what comes before them: all else is there again.
    content, style = _sounds(shape)
    wanted = trained.network(content, style, quantised=False)[0].detach()
    network = other.network.eval()
    assert network.folded_norms
    folded = network(content, style, quantised=False)[0].detach()
    torch.testing.assert_close(folded, wanted, atol=1e-4, rtol=1e-3)
    # Given statistics, they change nothing in evaluation, and little in training.
    network.unfold_norms(content, style, quantised=False)
    assert not network.folded_norms
    unfolded = network(content, style, quantised=False)[0].detach()
    torch.testing.assert_close(unfolded, wanted, atol=1e-4, rtol=1e-3)
    learning, of_run = (
        each.train()(content, style, quantised=False)[0].detach()
        for each in (network, trained.network)
    )
    torch.testing.assert_close(learning, of_run, atol=1e-2, rtol=1e-2)


def test_an_export_of_another_shape_is_refused(tmp_path: Path) -> None:
    export_task(_trained(TINY_SHAPE), {"system": "vqvae"}, tmp_path / "tiny.onnx", half=False)
    for shape in (replace(TINY_SHAPE, n_codes=8), replace(TINY_SHAPE, width=16)):
        with pytest.raises(InputError, match=r"tiny\.onnx: holds another network's weights"):
            load_exported(_task(shape), tmp_path / "tiny.onnx")


def test_components_are_those_of_the_training_begun_from(tmp_path: Path) -> None:
    shape = replace(TINY_SHAPE, n_components=6)
    trained = _trained(shape)
    export_task(trained, {"system": "vqvae"}, tmp_path / "tiny.onnx", half=False)
    other = _task(shape)
    load_exported(other, tmp_path / "tiny.onnx")
    other.begun = True
    examples = tiny_examples(tmp_path)
    kept = other.dataset(examples, None)
    assert torch.equal(other.network.basis, trained.network.basis)
    wanted = trained.compute_components(torch.from_numpy(examples[0])[None])[0]
    np.testing.assert_allclose(kept[0], wanted, atol=0.02, rtol=2e-3)
    # And its own examples' components, of a training begun anew, are others.
    anew = _task(shape)
    assert not np.allclose(anew.dataset(examples, None)[0], kept[0], atol=0.02)


@pytest.mark.parametrize(
    "make",
    [
        lambda: VqVaeShape(width=0),
        lambda: VqVaeShape(codebook="none"),  # type: ignore[arg-type]
        lambda: VqVaeTraining(learning="none"),  # type: ignore[arg-type]
        lambda: VqVaeTraining(contrastive_share=1.0),
    ],
)
def test_what_cannot_be_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        make()  # type: ignore[operator]
