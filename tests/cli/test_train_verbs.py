"""The commands that train, as a user meets them: what is wrong is said in a line."""

import json
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from commands import run, start  # noqa: E402
from tiny_examples import SETTINGS, tiny_examples  # noqa: E402


def test_from_examples_to_weights(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    tiny_examples(tmp_path / "examples")
    settings = [piece for key, value in SETTINGS.items() for piece in ("--set", f"{key}={value}")]
    done = run(
        *("train", "run", "vqvae-self-supervised", "-o", "RUN", "--examples", "examples"),
        *("--json", *settings),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["step"] == 4
    assert b"step 4, " in done.stderr
    assert b"lsd_db" in done.stderr
    done = run("train", "resume", "RUN", "--quiet", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    done = run("train", "export", "RUN", "-o", "mine.onnx", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(b"mine.onnx: ")
    assert done.stderr.endswith(b"--system vqvae --set weights=mine.onnx\n")
    assert {path.name for path in tmp_path.glob("mine*")} == {
        "mine.onnx",
        "mine.style.onnx",
        "mine.json",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nope", "-o", "R"], "nope: is no training preset; use one of groove, "),
        (
            ["run", "vqvae-self-supervised", "-o", "there"],
            "there: is there already; go on with it (cambiata train ",
        ),
        (
            ["run", "vqvae-self-supervised", "-o", "R", "--set", "loop.speed=1"],
            "loop.speed: is no setting; use one ",
        ),
        (
            ["run", "vqvae-self-supervised", "-o", "R", "--set", "loop.batch_size=x"],
            "loop.batch_size=x: ",
        ),
        (
            ["run", "vqvae-self-supervised", "-o", "R", "--minutes", "-1"],
            "loop.minutes=-1.0: rates and limits must",
        ),
        (["resume", "there"], "there: is no run; start one: cambiata train run PRESET -o RUN"),
        (["export", "there", "-o", "x.onnx"], "there: is no run; start one"),
        (["export", "text.pt", "-o", "x.onnx"], "text.pt: cannot be read; give the authors' model"),
        (["export", "there", "-o", "x.bin"], "x.bin: is no .onnx file; name it NAME.onnx"),
    ],
)
def test_bad_input_is_said_in_a_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "text.pt").write_text("no")
    before = sorted(path.name for path in tmp_path.iterdir())
    done = run("train", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_without_a_bank_a_training_says_how_to_make_one(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path / ".cache")}
    done = start("train", "run", "vqvae-self-supervised", "-o", "R", folder=tmp_path, env=env)
    assert done.returncode == 2
    assert b"bank/fluid-r3: is no bank; make one: cambiata data bank" in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert not (tmp_path / "R").exists()
