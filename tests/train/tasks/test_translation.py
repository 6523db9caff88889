"""Translators from domains' sounds to ONNX: they learn in turns, on one process or two."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from processes import launch_two
from sounds import SUPPORT, melody

from cambiata import Part
from cambiata.errors import InputError
from cambiata.partials.latent import N_HIDDEN, encode_notes
from cambiata.partials.posteriors import BANDS

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")
from tiny_domains import SETTINGS, TINY, TWO, tiny_domains  # noqa: E402

from cambiata.data.domains import (  # noqa: E402
    DomainExamples,
)
from cambiata.data.packed import PackConfig, Piece, write_pack  # noqa: E402
from cambiata.train.config import LoopConfig, from_dict  # noqa: E402
from cambiata.train.excerpts import (  # noqa: E402
    ExcerptDataset,
    encoder_onnx,
    load_encoder,
    precompute_excerpts,
)
from cambiata.train.export import export  # noqa: E402
from cambiata.train.loop import fit, read_checkpoint  # noqa: E402
from cambiata.train.run import start  # noqa: E402
from cambiata.train.tasks.mor2018 import (  # noqa: E402
    Classifier,
    Decoder,
    DomainSounds,
    Encoder,
    Mor2018Task,
    Mor2018Training,
    detune_segment,
    mu_law_encode,
)
from cambiata.train.tasks.registry import PRESETS  # noqa: E402
from cambiata.train.tasks.translation import (  # noqa: E402
    TranslationTask,
    TranslationTraining,
    load_shipped_task,
)
from cambiata.weights import Model, load_model  # noqa: E402

SMALL = Mor2018Training(TWO, 16000, 8, 1, 4, 1, 4, 6, crop_samples=1600)


@pytest.fixture(scope="module")
def excerpts(tmp_path_factory: pytest.TempPathFactory) -> ExcerptDataset:
    """What the translator of notes learns from; reading only."""
    examples = tiny_domains(tmp_path_factory.mktemp("domains"))
    found = precompute_excerpts(examples, "translation", n_workers=1)
    assert isinstance(found, ExcerptDataset)
    return found


# --- the published network ------------------------------------------------------------------------


def test_the_published_size() -> None:
    """Counts of parameters as the public code's layers have them (field notes, A4 to A7)."""
    config = PRESETS["mor2018"]().task
    count = [
        sum(p.numel() for p in network.parameters())
        for network in (Encoder(config), Classifier(config.n_latent, 6), Decoder(config))
    ]
    assert count == [1_982_528, 27_306, 6_540_288]
    assert sum(p.numel() for p in Decoder(replace(config, n_decoder_layers=10)).parameters()) == (
        4_692_992
    )
    assert (config.confusion, config.n_latent, config.crop_samples) == (0.01, 64, 12000)


def test_a_decoder_hears_what_lies_before_and_nothing_else() -> None:
    decoder = Decoder(SMALL).eval()
    given, latent = torch.zeros(1, 1600), torch.zeros(1, 6, 2)
    override = given.clone()
    override[0, 900] = 0.4
    with torch.no_grad():
        apart = (decoder(override, latent) - decoder(given, latent)).abs().sum(2)[0]
    assert apart[:900].max() == 0
    reach = 1 + sum(SMALL.dilations)
    assert apart[900 : 900 + reach].max() > 0
    assert apart[901 + reach :].max() == 0


def test_an_encoder_looks_both_ways() -> None:
    encoder = Encoder(SMALL).eval()
    sound = torch.zeros(1, 2400)
    sound[0, 795] = 0.5
    sound[0, 1605] = 0.5
    with torch.no_grad():
        apart = (encoder(sound) - encoder(torch.zeros(1, 2400))).abs().amax(1)[0]
    assert apart.shape == (3,)
    assert (apart > 0).all()


def test_frames_around_a_crop_are_seen_and_not_played() -> None:
    torch.manual_seed(0)
    settings = replace(SMALL, context_frames=1, n_mixture=2)
    task, pool = Mor2018Task(settings).eval(), settings.pool
    n = settings.crop_samples + 2 * pool
    assert task.unpack_batch(torch.zeros(2, 1 + n + 5 * pool))[1].shape == (2, n)
    levels, domains = torch.randint(100, 156, (1, n)), torch.zeros(1, dtype=torch.long)
    latent = torch.rand(1, settings.n_latent, n // pool)
    other = latent.clone()
    other[:, :, [0, -1]] += 1
    later = levels.clone()
    later[:, -pool:] += 20
    with torch.no_grad():
        nats = task.nats(latent, domains, levels)
        assert task.nats(other, domains, levels) == nats
        assert task.nats(latent, domains, later) == nats
        assert task.nats(latent + 1, domains, levels) != nats


def test_sounds_of_a_pack_are_learnt_from(tmp_path: Path) -> None:
    t = np.arange(8000) / 8000
    pieces = [
        Piece(name, Part(()), (0.1 * np.sin(2 * np.pi * 300 * t)).astype(np.float32))
        for name in TWO
    ]
    write_pack(pieces, tmp_path, PackConfig(1.0, 8000, TWO), [], n_bits=16)
    config = replace(PRESETS["mor2018-small"](), task=replace(SMALL, sample_rate=16000))
    task = Mor2018Task(config.task)
    rows = task.dataset(Mor2018Task.record(config, str(tmp_path), None), None)
    assert len(rows) == 2
    assert rows[1].shape == (1 + 16000,)  # the domain, and a second at the network's own rate
    assert (rows[0][0], rows[1][0]) == (0, 1)
    assert float(np.abs(rows[1][1:]).max()) == pytest.approx(0.1, rel=0.05)


def test_mu_law_is_the_published_one() -> None:
    x = torch.linspace(-1, 1, 101)
    coded = x.sign() * torch.log(1 + 255 * x.abs()) / np.log(256)
    assert torch.equal(mu_law_encode(x), ((coded + 1) / 2 * 255).long())


def test_a_segment_is_moved_by_at_most_half_a_semitone() -> None:
    t = np.arange(12000) / 16000
    tone = np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    for seed in range(5):
        torch.manual_seed(seed)
        out = detune_segment(torch.from_numpy(tone)[None])[0].numpy()
        where = np.flatnonzero(out != tone)
        assert 0.2 * len(tone) < len(where) < 0.55 * len(tone)
        segment = out[where[50] : where[-50]]
        crossings = np.flatnonzero(np.diff(np.signbit(segment).astype(int)) == 1)
        hz = 16000 * (len(crossings) - 1) / (crossings[-1] - crossings[0])
        assert abs(12 * np.log2(hz / 1000)) < 0.55


@pytest.mark.parametrize("kind", ["mor2018", "translation"])
def test_turns_teach_the_classifier_and_then_its_opponents(
    tmp_path: Path, kind: str, excerpts: ExcerptDataset
) -> None:
    if kind == "mor2018":
        task, sounds = Mor2018Task(SMALL), DomainSounds(tiny_domains(tmp_path))
    else:
        task = TranslationTask(TranslationTraining(TWO, width=16, together=0.0))
        sounds = excerpts
    batch = torch.stack([torch.from_numpy(sounds[i]) for i in range(4)])
    torch.manual_seed(0)
    for turn in range(task.turns):
        task.turn, is_last = turn, turn == task.turns - 1
        task.zero_grad()
        task(batch, 0.5)["loss"].backward()
        for name, p in task.named_parameters():
            moved = p.grad is not None and bool(p.grad.abs().sum() > 0)
            if name.startswith("classifier"):
                assert moved is not is_last or name.endswith("bias"), name
            elif not is_last:
                assert not moved, name
    learning = [n for n, p in task.named_parameters() if p.grad is not None and p.grad.any()]
    assert any(name.startswith(("encoder", "code")) for name in learning)
    assert any(name.startswith("decoders") for name in learning)


def test_the_encoder_is_pushed_towards_confusion(tmp_path: Path) -> None:
    """The gradient of the second turn differs by what the classifier says, times its weight."""
    batch = torch.stack([torch.from_numpy(DomainSounds(tiny_domains(tmp_path))[i]) for i in (0, 1)])
    gradients = []
    for confusion in (0.0, 0.5):
        torch.manual_seed(0)
        task = Mor2018Task(replace(SMALL, confusion=confusion))
        for turn in (0, 1):
            task.turn = turn
            torch.manual_seed(1 + turn)
            losses = task(batch, 0.0)
        losses["loss"].backward()
        gradients.append(task.encoder.conv_1x1.weight.grad.clone())
    torch.manual_seed(0)
    task = Mor2018Task(SMALL)
    torch.manual_seed(1)
    task.turn = 0
    task(batch, 0.0)
    domains, _, augmented = task.crops
    from cambiata.train.tasks.mor2018 import levels_to_input

    logits = task.classifier(task.encoder(levels_to_input(augmented)))
    torch.nn.functional.cross_entropy(logits, domains).backward()
    wanted = gradients[0] - 0.5 * task.encoder.conv_1x1.weight.grad
    torch.testing.assert_close(gradients[1], wanted, rtol=1e-2, atol=1e-6)


def test_it_learns_a_batch_by_heart(tmp_path: Path) -> None:
    batch = torch.stack([torch.from_numpy(DomainSounds(tiny_domains(tmp_path))[i]) for i in (0, 1)])
    torch.manual_seed(0)
    task = Mor2018Task(replace(SMALL, crop_samples=800)).eval()  # the same crop every time
    optimizer = torch.optim.Adam(task.parameters(), 2e-2)
    found = []
    for _ in range(40):
        for turn in (0, 1):
            task.turn = turn
            losses = task(batch, 0.0)
            optimizer.zero_grad()
            losses["loss"].backward()
            optimizer.step()
        found.append(float(losses["nats"].detach()))
    assert found[0] > 5
    assert found[-1] < 0.8 * found[0]


# --- one process or several -----------------------------------------------------------------------


LOOP = LoopConfig(
    batch_size=4,
    max_steps=4,
    warmup_steps=1,
    learning_rate=0.01,
    schedule="constant",
    report_every_steps=2,
    validate_every_s=1e9,
    save_every_s=1e9,
    ema_decay=0.0,
    clip_norm=0.0,
    precision="32-true",
    n_workers=0,
    seed=3,
)


class Fixed(Mor2018Task):
    """Always the same crops, whichever process takes them."""

    def unpack_batch(self, batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        levels = mu_law_encode(batch[:, 1 : 1 + self.config.crop_samples])
        return batch[:, 0].long(), levels, levels


def _fit_fixed(folder: str, run: str, n_devices: int) -> None:
    torch.manual_seed(11)
    task = Fixed(SMALL)
    sounds = DomainSounds(DomainExamples(Path(folder), TINY))
    fit(task, sounds, replace(LOOP, n_devices=n_devices), run)


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """Two gloo processes, each with half of every batch and with both domains' decoders."""
    tiny_domains(tmp_path)
    _fit_fixed(str(tmp_path), str(tmp_path / "one"), 1)
    code = (
        "import sys; sys.path[:0] = "
        f"{[str(Path(__file__).parent), SUPPORT]!r}\n"
        "import test_translation as t\n"
        f"t._fit_fixed({str(tmp_path)!r}, {str(tmp_path / 'two')!r}, 2)\n"
    )
    launch_two(tmp_path, code, 300)
    one, two = (read_checkpoint(tmp_path / name)["task"] for name in ("one", "two"))
    assert one.keys() == two.keys()
    torch.manual_seed(11)
    fresh = Fixed(SMALL).state_dict()

    def apart(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
        return float(sum((first[name] - second[name]).square().sum() for name in one)) ** 0.5

    # Where a gradient is next to nothing, a rounding decides which way Adam goes.
    assert apart(one, two) < 0.05 * apart(one, fresh)
    moved = [name for name in fresh if not torch.equal(fresh[name], two[name])]
    assert any(name.startswith("decoders.0") for name in moved)
    assert any(name.startswith("decoders.1") for name in moved)


@pytest.mark.slow
def test_the_command_line_trains_on_several_processes(tmp_path: Path) -> None:
    tiny_domains(tmp_path)
    settings = SETTINGS | {"task.width": "8", "task.crop_samples": "1600", "loop.n_devices": "2"}
    call = [arg for key, value in settings.items() for arg in ("--set", f"{key}={value}")]
    call += ["--examples", str(tmp_path), "-o", str(tmp_path / "run"), "--quiet", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "cambiata", "train", "run", "mor2018-small", *call],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert read_checkpoint(tmp_path / "run")["step"] == 3
    # It goes on with another number of processes.
    place = tmp_path / "run" / "run.json"
    place.write_text(place.read_text().replace('"max_steps": 3', '"max_steps": 5'))
    again = ["train", "resume", str(tmp_path / "run"), "--devices", "1", "--quiet"]
    subprocess.run([sys.executable, "-m", "cambiata", *again], check=True, timeout=300)
    state = read_checkpoint(tmp_path / "run")
    assert state["step"] == 5
    assert not state["other processes"]


@pytest.mark.slow
def test_going_on_is_as_good_as_never_stopping(tmp_path: Path) -> None:
    sounds = DomainSounds(tiny_domains(tmp_path))
    config = replace(LOOP, ema_decay=0.5)

    def task() -> Mor2018Task:
        torch.manual_seed(5)
        return Mor2018Task(SMALL)

    fit(task(), sounds, config, tmp_path / "whole")
    for steps in (1, 2, 4):  # killed after each of these
        fit(task(), sounds, replace(config, max_steps=steps), tmp_path / "parts")
    whole, parts = (read_checkpoint(tmp_path / name) for name in ("whole", "parts"))
    for kind in ("task", "average"):
        for name, value in whole[kind].items():
            assert torch.equal(parts[kind][name], value), name


# --- the translator of notes ----------------------------------------------------------------------


def test_what_is_asked_is_unpacked_again(excerpts: ExcerptDataset) -> None:
    assert len(excerpts) == 32
    task = TranslationTask(TranslationTraining(TWO))
    kinds = set()
    for i in range(8):
        half = task.unpack(torch.from_numpy(excerpts[i]))
        kinds.add((half.source_domain, half.target_domain))
        assert half.target.shape == (task.n_bands, BANDS.n_frames(TINY.n_samples) // 2)
        assert len(half.queries) == len(half.hidden)
        assert half.queries[:, 18].max() < half.target.shape[1]
    assert kinds == {(0, 0), (1, 1), (0, 1), (1, 0)}
    alone = ExcerptDataset(excerpts.folder, excerpts.examples, False)
    assert len(alone) == 16
    pairs = {task.unpack(torch.from_numpy(alone[i]))[2:4] for i in range(16)}
    assert pairs == {(0, 0), (1, 1)}


def test_all_domains_begin_as_one(excerpts: ExcerptDataset) -> None:
    batch = torch.stack([torch.from_numpy(excerpts[i]) for i in (0, 5)])
    task = TranslationTask(TranslationTraining(TWO, width=16, together=0.5))
    optimizer = torch.optim.Adam(task.parameters(), 1e-2)

    def step(share: float) -> None:
        task.turn = 0
        task(batch, share)
        task.turn = task.turns - 1
        losses = task(batch, share)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()

    step(0.1)
    biases = task.decoders.biases[-1]
    assert not torch.equal(biases[0], biases[1])
    step(0.6)
    assert bool(task.separate)
    known, first = torch.randn(3, 24), torch.tensor(0)
    before = task.decoders(known, first)[0]
    task.decoders.copy_first_to_all()
    assert torch.equal(task.decoders(known, torch.tensor(1))[0], before)
    extract = task.decoders.extract(1)
    assert torch.equal(extract(known, first)[0], before)


def test_the_encoder_is_the_one_that_ships() -> None:
    model, threshold = load_encoder("translation")
    bands = np.random.default_rng(0).normal(0, 1, (1, BANDS.n_bins, 40)).astype(np.float32)
    outputs = model.part("")(bands)[0]
    assert outputs.shape == (1, 3 + N_HIDDEN, 88, 40)
    assert outputs[:, 3:].min() >= 0  # after a ReLU
    assert threshold == float(load_model("translation", "translation").about["threshold"])
    # A trained translator has the same network, without what was known of the one that ships.
    copied = Model(encoder_onnx("translation"), lambda *_: b"")
    assert copied.about == {}
    # The user's own networks are run without constant folding, which moves last bits.
    np.testing.assert_allclose(copied.part("")(bands)[0], outputs, rtol=1e-4, atol=1e-4)


def test_the_encoder_hears_notes() -> None:
    model, threshold = load_encoder("translation")
    bands_db = BANDS.level_db(melody([60, 67], partials=8, rate=BANDS.sample_rate))
    events, hidden = encode_notes(bands_db, model.part(""), threshold)
    assert [pitch for _, pitch in sorted(zip(events.start, events.pitch, strict=True))] == [60, 67]
    assert hidden.shape == (N_HIDDEN, 88, bands_db.shape[1])


def test_weights_without_an_encoder_of_notes_are_refused() -> None:
    with pytest.raises(InputError, match="mor2018-small: has no encoder of notes"):
        load_encoder("mor2018-small")
    with pytest.raises(InputError, match="listener: is not of translation"):
        load_encoder("listener")


def test_runs_that_name_the_network_it_was_cut_from_go_on() -> None:
    """Runs of before the encoder had a file of its own."""
    stored = {"task": {"listener": "transcriber", "width": 16}, "examples": {}, "loop": {}}
    config = from_dict(stored, PRESETS["translation"]()).task
    assert (config.encoder, config.width) == ("transcriber", 16)
    assert load_encoder(config.encoder)[0] is load_encoder("translation")[0]


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["translation", "mor2018-small"])
def test_a_run_is_exported_and_plays(tmp_path: Path, preset: str) -> None:
    from cambiata import Audio, translate

    tiny_domains(tmp_path)
    settings = dict(SETTINGS)
    if preset == "mor2018-small":
        settings |= {"task.width": "8", "task.crop_samples": "800"}
    else:
        settings |= {"task.width": "16"}
    start(preset, tmp_path / "run", settings=settings, examples=tmp_path)
    facts = export(tmp_path / "run", tmp_path / "own.onnx")
    assert facts["parity"]["max_difference"] < 1e-3
    assert facts["domains"]["parity"]["max_difference"] < 1e-3
    chosen = {
        "weights": str(tmp_path / "own.onnx"),
        "domains": str(tmp_path / "own-domains.onnx"),
        "compiled": False,
    }
    sound = Audio(melody([60, 64]), 22050)
    name = "default" if preset == "translation" else preset
    out = translate(sound, "church-organ", preset=name, settings=chosen)
    assert out.samples.shape == sound.samples.shape
    assert np.isfinite(out.samples).all()
    with pytest.raises(InputError, match="belongs to another version of the encoder than"):
        translate(sound, "church-organ", preset=name, settings={"domains": chosen["domains"]})


def test_domains_of_another_order_are_refused(tmp_path: Path) -> None:
    tiny_domains(tmp_path)
    settings = SETTINGS | {"task.domains": ",".join(reversed(TWO))}
    with pytest.raises(InputError, match="are not those of the examples"):
        start("translation", tmp_path / "run", settings=settings, examples=tmp_path)


def test_torch_has_what_ships() -> None:
    """Read back from the files, the decoders say what ONNX Runtime makes of them."""
    task = load_shipped_task()
    model = load_model("translation-domains", "translation-domains")
    known = torch.randn(5, 16 + task.config.n_latent)
    for number in (0, len(task.config.domains) - 1):
        with torch.no_grad():
            ours = task.decoders(known, torch.tensor(number))
        theirs = model.part("")(known.numpy(), np.array(number))
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine.numpy(), other, atol=1e-3)
    seen = torch.rand(4, 32)
    latent = load_model("translation", "translation").part("code")(seen.numpy())[0]
    np.testing.assert_allclose(task.latent(seen).detach().numpy(), latent, atol=1e-5)
