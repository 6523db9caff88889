"""Domains by name: those that ship, those that were added, and those that there are not."""

from importlib.resources import files
from pathlib import Path

import pytest
from sounds import melody

import cambiata
from cambiata import Audio, InputError, domains, translate
from cambiata.translation.domains import (
    FOLDER_VARIABLE,
    added_domain_names,
    domains_folder,
    load_added_domain,
    load_domain,
    shipped_domains,
)


@pytest.fixture(autouse=True)
def no_own_domains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "domains"))
    return tmp_path / "domains"


def test_the_folder_is_the_environment_s_or_among_the_user_s_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert domains_folder() == tmp_path / "domains"
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert domains_folder() == tmp_path / "cambiata" / "domains"


def test_without_a_home_there_are_no_added_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in (FOLDER_VARIABLE, "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert added_domain_names() == []
    assert load_domain("sitar").name == "sitar"
    with pytest.raises(InputError, match="domains: there is no home folder to keep them in; set"):
        domains_folder()


def test_a_broken_domain_is_listed_with_its_problem(no_own_domains: Path) -> None:
    no_own_domains.mkdir()
    (no_own_domains / "text.onnx").write_text("no model")
    (no_own_domains / "folder.onnx").mkdir()
    shipped = (files("cambiata") / "shipped" / "vqvae.onnx").read_bytes()
    (no_own_domains / "other.onnx").write_bytes(shipped)
    problems = {each.name: each.problem for each in domains() if each.own}
    assert sorted(problems) == ["folder", "other", "text"]
    assert all(problems.values())


@pytest.mark.parametrize(
    ("fact", "wrong"),
    [(b'["salamander:0"]', b"[17, {}, [], 15]"), (b'"stiffness": ', b'"stiffness":[')],
)
def test_a_domain_with_facts_of_another_type_is_listed_as_broken(
    no_own_domains: Path, fact: bytes, wrong: bytes
) -> None:
    no_own_domains.mkdir()
    shipped = Path(cambiata.__file__).parent / "shipped"
    data = (shipped / "translation-domains.onnx").read_bytes()
    assert data.count(fact) >= 1
    assert len(fact) == len(wrong)
    (no_own_domains / "own.onnx").write_bytes(data.replace(fact, wrong))
    data = (shipped / "translation-domains.refine.onnx").read_bytes()
    (no_own_domains / "translation-domains.refine.onnx").write_bytes(data)
    (problem,) = (each.problem for each in domains() if each.own)
    assert "own.onnx: " in problem
    with pytest.raises(InputError, match=r"own\.onnx: "):
        translate(Audio(melody([60]), 22050), "own")


def test_shipped_domains_have_what_was_measured_of_them() -> None:
    assert added_domain_names() == []
    for domain in shipped_domains():
        assert load_domain(domain.name).index == domain.index
        assert not domain.own
        assert 0 <= domain.inharmonicity < 1e-3
        assert domain.vibrato_cents >= 0


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("grand-paino", "is not a domain; did you mean grand-piano"),
        ("quartet", "did you mean .*quartet"),
        ("xylorimba", "is not a domain; use one of grand-piano"),
    ],
)
def test_an_unknown_domain_is_answered_with_near_names(name: str, match: str) -> None:
    for call in (load_domain, lambda x: translate(Audio(melody([60]), 22050), x)):
        with pytest.raises(InputError, match=match):
            call(name)


def test_a_domain_of_another_version_is_refused(no_own_domains: Path) -> None:
    no_own_domains.mkdir()
    shipped = Path(cambiata.__file__).parent / "shipped"
    for part in ("", ".refine"):
        data = (shipped / f"translation-domains{part}.onnx").read_bytes()
        (no_own_domains / f"translation-domains{part}.onnx").write_bytes(data)
    with pytest.raises(
        InputError, match=r"another version of the encoder; add it again: `cambiata"
    ):
        load_added_domain("translation-domains", "another")
    assert [each.problem for each in cambiata.domains() if each.own] == [""]
    (no_own_domains / "broken.onnx").write_bytes(b"no model")
    facts = [each for each in cambiata.domains() if each.name == "broken"]
    assert "is not a model" in facts[0].problem
    with pytest.raises(InputError, match="is not a model"):
        translate(Audio(melody([60]), 22050), "broken")
