"""Training presets: named, changeable, and the same again from a file."""

import json

import pytest

from cambiata.errors import CambiataWarning, InputError

pytest.importorskip("torch")

from cambiata.train.config import as_dict
from cambiata.train.tasks.registry import PRESETS, from_dict, training

# Of what each learns from, a setting, its text and its value; else the banks.
OWN = {
    "drums": ("source", "7", "7"),
    "groove": ("source", "7", "7"),
    "listener": ("n_validation", "7", 7),
    "listener-causal": ("n_validation", "7", 7),
    "melody": ("least", "7", 7),
    "pati2018": ("least", "7", 7),
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_json(name: str) -> None:
    setting, text, value = OWN.get(name, ("banks", "7", ("7",)))
    config = training(name, {f"examples.{setting}": text, "loop.betas": "0.5,0.6"})
    assert getattr(config.examples, setting) == value
    assert config.loop.betas == (0.5, 0.6)
    assert from_dict(json.loads(json.dumps(as_dict(config))), name) == config


def test_old_names_go_on_working() -> None:
    for old, new in (("play", "player"), ("vqvae", "vqvae-self-supervised")):
        with pytest.warns(CambiataWarning, match=f"{old} is called {new} now"):
            assert training(old) == training(new)
        assert from_dict(as_dict(training(new)), old) == training(new)
    with pytest.warns(CambiataWarning, match=r"task\.rhythm_told is called task\.rhythm_nats now"):
        assert training("melody", {"task.rhythm_told": "3"}).task.rhythm_nats == 3
    stored = as_dict(training("player"))
    stored["beside"] = stored.pop("extra_examples")
    assert from_dict(stored, "play") == training("player")
    stored = as_dict(training("melody"))
    stored["task"]["rhythm_told"] = stored["task"].pop("rhythm_nats") + 1
    assert from_dict(stored, "melody").task.rhythm_nats == 3


def test_cifka2021_is_the_published_recipe() -> None:
    config = training("vqvae-cifka2021")
    task, loop = config.task, config.loop
    assert (task.shape.width, task.shape.n_codes, task.shape.decoder_grus) == (1024, 2048, True)
    assert (task.shape.codebook, task.shape.n_components) == ("gradient", 0)
    assert (task.learning, task.crop_s, task.quantised_from) == ("self-supervised", 0, 0)
    assert (loop.batch_size, loop.learning_rate, loop.max_steps) == (256, 4e-4, 26000)
    assert (loop.schedule, loop.clip_norm, loop.ema_decay) == ("constant", 0, 0)
    assert config.examples.treatment == "paper"


def test_small_presets_differ_in_what_they_learn_from_only() -> None:
    names = [
        f"vqvae-{name}" for name in ("self-supervised", "supervised", "supervised-contrastive")
    ]
    small = {training(name).task.learning: training(name) for name in names}
    assert set(small) == {"self-supervised", "supervised", "supervised-contrastive"}
    rest = []
    for config in small.values():
        found = as_dict(config)
        del found["task"]["learning"]
        rest.append(found)
    assert rest[0] == rest[1] == rest[2]


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        ("speed", "1", "speed: is not a setting; use one of task, examples, loop"),
        ("loop.speed", "1", "loop.speed: is not a setting; use one of batch_size"),
        ("loop", "1", r"loop: is not a setting; use one of loop\.batch_size"),
        ("loop.minutes.s", "1", r"loop\.minutes\.s: is not a setting; leave out \.s"),
        ("loop.batch_size", "x", r"loop\.batch_size=x: .*; correct the value"),
        ("loop.batch_size", "0", r"loop\.batch_size=0: batch_size, .* at least 1"),
        ("loop.schedule", "x", r"loop\.schedule=x: must be one of constant, cosine"),
        ("task.shape.decoder_grus", "yes", "must be true or false"),
    ],
)
def test_what_cannot_be_set_is_said(path: str, value: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        training("vqvae-self-supervised", {path: value})


def test_settings_that_hang_together_change_together() -> None:
    # Neither alone would do: 8192 is no multiple of 3, nor 9 of 256.
    both = {"examples.n_examples": "9", "examples.n_shard": "3", "examples.n_validation": "3"}
    for order in (both, dict(reversed(both.items()))):
        assert training("vqvae-self-supervised", order).examples.n_shard == 3


def test_an_unknown_preset_is_told_the_known() -> None:
    with pytest.raises(
        InputError, match=r"nope: is not a training preset; use one of .*vqvae-supervised, "
    ):
        training("nope")
