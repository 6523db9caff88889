"""One table of systems: what is in it, how they are found, and by which old names."""

import warnings

import pytest

import cambiata
from cambiata import aliases, registry
from cambiata.errors import CambiataWarning, InputError
from cambiata.registry import (
    DEFAULT_PLAYER,
    DEFAULT_TRANSFER,
    DEFAULT_TRANSLATOR,
    available_systems,
    find_system,
    system_names,
    system_rows,
)
from cambiata.system import PlaySystem, System, TransferSystem, TranslateSystem

TRAINED = {
    "oneshot", "vqvae", "player", "performancenet", "wavenet", "translation", "transcriber",
    "drums",
    "melody", "pati2018", "groove (vae)", "counterpoint",
}  # fmt: skip


def test_every_job_has_its_systems_the_default_first() -> None:
    assert system_names("transfer") == ["oneshot", "musaicing", "ulyanov", "vqvae"]
    assert system_names("play") == ["player", "performancenet", "wavenet"]
    assert system_names("translate") == ["translation"]
    assert system_names("transcribe") == ["transcriber", "drums"]
    assert system_names("melody") == ["melody", "pati2018", "retrieval"]
    assert system_names("groove") == ["exact", "vae"]
    assert system_names("counterpoint") == ["counterpoint"]
    defaults = [row["name"] for row in system_rows() if row["default"]]
    assert defaults[:3] == [DEFAULT_TRANSFER, DEFAULT_PLAYER, DEFAULT_TRANSLATOR]


def test_every_system_tells_its_facts() -> None:
    for row, system in zip(system_rows(), available_systems(), strict=True):
        assert row["name"] in (system.name, f"groove ({system.name})")
        assert row["trained"] == (row["name"] in TRAINED)
        assert row["weights_licence"] == ("Apache-2.0" if row["trained"] else "none needed")
        assert "\n" not in row["summary"] + row["paper"]
        assert row["presets"] or not issubclass(system, System)
        assert find_system(system.name, row["job"]) is system
        # What `--set` takes, of those that are configured.
        assert ("chunk_s" in row["settings"]) == issubclass(system, System)


def test_a_line_in_the_table_is_all_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    line = registry._Entry("groove", "halfway", "groove.interpolation:Interpolation")
    monkeypatch.setattr(registry, "_TABLE", (*registry._TABLE, line))
    assert system_names("groove")[-1] == "halfway"
    assert find_system("halfway", "groove") is find_system("exact", "groove")
    assert list(system_rows())[-1]["name"] == "halfway"


@pytest.mark.parametrize(
    ("job", "kind"),
    [("transfer", TransferSystem), ("play", PlaySystem), ("translate", TranslateSystem)],
)
def test_systems_of_a_job_keep_its_contract(job: str, kind: type) -> None:
    assert all(issubclass(find_system(name, job), kind) for name in system_names(job))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "job", "message"),
    [
        (
            "onshot",
            "transfer",
            "did you mean oneshot[?] use one of oneshot, musaicing, ulyanov, vqvae$",
        ),
        ("player", "transfer", "player: does not transfer; use one of oneshot, .*, vqvae$"),
        ("oneshot", "play", "does not play scores; use one of player, performancenet, wavenet"),
        ("oneshot", "translate", "oneshot: does not translate; use one of translation"),
        ("x", "melody", "is not a system for melodies; use one of melody, pati2018, retrieval"),
        ("melody", None, "melody: is not a system; use one of oneshot"),
    ],
)
def test_what_is_not_found_is_refused(name: str, job: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_system(name, job)  # type: ignore[arg-type]


def test_old_names_go_on_working_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aliases, "ALIASES", {"system": {"mosaic": "musaicing"}, "preset": {}})
    with pytest.warns(CambiataWarning, match="the system mosaic is called musaicing now"):
        assert cambiata.transfer_system("mosaic").name == "musaicing"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cambiata.transfer_system("musaicing").name == "musaicing"


def test_names_of_training_presets_of_earlier_versions() -> None:
    pytest.importorskip("torch")
    from cambiata.train.tasks.registry import training

    with pytest.warns(CambiataWarning, match="the training preset play is called player now"):
        assert training("play") == training("player")
