"""The report: its page, its files, and what it refuses."""

import json
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from tiny_runs import EVIL, write_run, write_scores

import cambiata
from cambiata.audio.spectrogram import levels, measure_spectrogram
from cambiata.drawing.colours import MAGMA
from cambiata.errors import InputError
from cambiata.evaluate.report import write_report
from cambiata.evaluate.runfolder import read_run
from cambiata.evaluate.table import collect_results, format_table, summarize

pytest.importorskip("matplotlib")
VOID = {"meta", "img", "link", "br", "hr", "input", "source"}


class Page(HTMLParser):
    """What a page's elements are, balanced or refused."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def links(self) -> Iterator[str]:
        for _, attributes in self.elements:
            for name in ("src", "href"):
                if name in attributes:
                    yield attributes[name]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    return write_report(write_run(folder), folder / "out").parent


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page((report / "index.html").read_text("utf-8"))


def test_every_link_is_a_file_of_the_report_or_a_place_on_the_page(
    report: Path, page: Page
) -> None:
    anchors = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    links = list(page.links())
    for link in links:
        parts = urlsplit(link)
        assert not parts.scheme
        assert not parts.netloc
        if parts.path:
            assert not parts.path.startswith("/")
            assert (report / unquote(parts.path)).is_file()
        else:
            assert parts.fragment in anchors
    # Sounds by hand: 3 artificial pairs of 3 given and 3 + 2 + 3 made, 2 real ones of 2 and 1.
    assert len({link for link in links if link.endswith(".ogg")}) == 3 * 3 + 8 + 2 * 2 + 1
    written = {str(path.relative_to(report)) for path in report.rglob("*") if path.is_file()}
    assert written == {unquote(link) for link in links if not link.startswith("#")} | {"index.html"}


def test_nothing_is_fetched_from_elsewhere(report: Path) -> None:
    text = (report / "index.html").read_text("utf-8")
    assert "http" not in text
    assert "//" not in text.replace("</", "")
    assert "@import" not in text
    assert "url(" not in text


def test_what_files_say_is_text_and_never_markup(page: Page) -> None:
    assert len(page.all("script")) == 1
    assert f"gave up {EVIL}" in page.text
    assert f"Trumpet {EVIL}" in page.text
    assert f"Real {EVIL}" in page.text
    assert any(EVIL in image["alt"] for image in page.all("img"))


def test_sounds_are_those_of_the_run(report: Path) -> None:
    copied = cambiata.load(report / "audio/artificial/0002-bb/4-musaicing-shifted.ogg")
    source = report.parent / "run/artificial/audio/0002-bb/musaicing-shifted.flac"
    assert copied.n_samples == cambiata.load(source).n_samples
    ours, theirs = (measure_spectrogram(x, 320).db().max() for x in (copied, cambiata.load(source)))
    np.testing.assert_allclose(ours, theirs, atol=1)


def test_pictures_share_size_and_scale(report: Path) -> None:
    from matplotlib.image import imread

    source = report.parent / "run/artificial/audio/0001-aa/content.flac"
    picture = imread(report / "images/artificial/0001-aa/0-content.png")
    expected = MAGMA[levels(measure_spectrogram(cambiata.load(source), 320))]
    np.testing.assert_allclose(picture[..., :3], expected / 255, atol=1 / 255)


def test_scores_failures_and_gaps_are_all_on_the_page(page: Page) -> None:
    assert "12.00 [10.00, 14.00] (n = 2)" in page.text
    assert "not measurable" in page.text  # the null
    assert f"failed: gave up {EVIL}" in page.text
    assert "not run on this pair" in page.text  # the second real pair
    assert "2 1 failed" in page.text
    badges = [span for span in page.all("span") if span.get("class") == "badge"]
    assert len(badges) == 1 + 1 + 1 + 5  # the copy: of rows, means, differences, examples
    assert "two noisy cores" in page.text
    assert "MultiPitchMelodia" in page.text


def test_examples_are_random_best_and_worst_by_the_focus(tmp_path: Path) -> None:
    folder = write_run(tmp_path)

    def examples(output: str, **options: object) -> dict[str, list[str]]:
        page = Page(write_report(folder, tmp_path / output, **options).read_text("utf-8"))
        found: dict[str, list[str]] = {}
        for article in page.all("article"):
            section, _, pair = article["id"].rpartition("-0")
            found.setdefault(section, []).append(f"0{pair}")
        return found

    assert examples("a", n_random=2) == {
        "artificial-random": examples("b", n_random=2)["artificial-random"],
        "artificial-best": ["0002-bb"],  # 10 against 14: musaicing is the first that competes
        "artificial-worst": ["0001-aa"],
        "real-random": ["0001-dd", "0002-ee"],
    }
    by_copy = examples("c", n_random=0, focus="copy-content")
    assert by_copy == {"artificial-best": ["0001-aa"], "artificial-worst": ["0003-cc"]}


def test_the_page_can_be_read_by_ear_and_by_keyboard(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert all(image["alt"].strip() for image in page.all("img"))
    assert all(image["loading"] == "lazy" for image in page.all("img") if "class" not in image)
    assert all(sound["preload"] == "none" for sound in page.all("audio"))
    assert all(sound["aria-label"] for sound in page.all("audio"))
    assert all(head["scope"] in ("row", "col") for head in page.all("th"))
    scrolled = [box for box in page.all("div") if box.get("class") == "scroll"]
    assert scrolled
    assert all(box["tabindex"] == "0" and box["aria-label"] for box in scrolled)
    levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_tables_and_results_are_those_of_the_run(report: Path) -> None:
    run = read_run(report.parent / "run")
    assert json.loads((report / "results.json").read_text()) == json.loads(
        json.dumps(collect_results(run))
    )
    tables = (report / "table.md").read_text("utf-8")
    assert format_table(run, summarize(run), "artificial") in tables
    assert "<script" not in tables.replace(r"\<script", "")


def test_an_output_that_exists_is_kept_unless_forced(tmp_path: Path) -> None:
    folder, output = write_run(tmp_path), tmp_path / "out"
    write_report(folder, output, n_random=1)
    (output / "old.txt").touch()
    with pytest.raises(InputError, match="out: exists; choose another name, or replace it"):
        write_report(folder, output)
    assert (output / "old.txt").exists()
    write_report(folder, output, n_random=1, force=True)
    assert not (output / "old.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]


def test_force_replaces_reports_only(tmp_path: Path) -> None:
    folder, precious = write_run(tmp_path), tmp_path / "precious"
    precious.mkdir()
    (precious / "work.txt").touch()
    with pytest.raises(InputError, match="precious: is not a report"):
        write_report(folder, precious, force=True)
    for output in (folder, tmp_path):  # the run, and what holds it, even if it looks like a report
        (output / "index.html").touch()
        (output / "results.json").touch()
        with pytest.raises(InputError, match="is not a report that may be replaced"):
            write_report(folder, output, force=True)
    assert (folder / "run.json").exists()


def test_a_failed_report_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = write_run(tmp_path)

    def broken(_share: float) -> None:
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_report(folder, tmp_path / "out", progress=broken)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_cannot_be_reported_is_refused_before_any_work(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    with pytest.raises(InputError, match=r"run\.json: no such file"):
        write_report(tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="has no row nobody"):
        write_report(folder, tmp_path / "out", focus="nobody")
    with pytest.raises(InputError, match="its folder does not exist"):
        write_report(folder, tmp_path / "no" / "out")


def test_sounds_that_are_missing_or_damaged_are_said_so(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    sounds = folder / "artificial" / "audio"
    shutil.rmtree(sounds / "0001-aa")
    (sounds / "0002-bb" / "copy-content.flac").write_bytes(b"no sound")
    page = Page(write_report(folder, tmp_path / "out").read_text("utf-8"))
    assert "no sound kept" in page.text
    assert "sound is not readable as sound" in page.text


def test_a_row_s_name_leads_nowhere(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    facts = json.loads((folder / "run.json").read_text())
    facts["rows"] = [{"name": "../0002-ee/content"}]
    (folder / "run.json").write_text(json.dumps(facts))
    entry = {"pair": "0001-dd", "row": "../0002-ee/content", "scores": {}}
    write_scores(folder / "real" / "scores.jsonl", [entry])
    page = Page(write_report(folder, tmp_path / "out").read_text("utf-8"))
    assert "no sound kept" in page.text


def test_a_run_not_begun_has_a_page(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    for name in ("artificial", "real"):
        shutil.rmtree(folder / name)
    page = Page(write_report(folder, tmp_path / "out").read_text("utf-8"))
    assert page.text.count("Not run yet.") == 2


def test_progress_ends_at_one(tmp_path: Path) -> None:
    shares: list[float] = []
    write_report(write_run(tmp_path), tmp_path / "out", n_random=1, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
