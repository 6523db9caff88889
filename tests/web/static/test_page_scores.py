"""Play, Translate, Melody, Groove and Counterpoint, as a person works, and their worst inputs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from studio_page import bring, press, refusal

from cambiata import Note, Part, Score, save_score
from cambiata.score.spelling import spell

pytestmark = pytest.mark.slow

Window = Callable[..., Any]


def test_a_score_is_played_and_followed(window: Window) -> None:
    page = window("play")
    panel = page.locator("#panel-play")
    panel.get_by_role("combobox", name="Part").select_option("1")
    press(page, "play", "Play")
    assert "--track 1" in panel.locator("code").first.inner_text()
    roll = panel.locator("canvas[aria-label^='Notes played']")
    assert "notes in" in str(roll.get_attribute("aria-label"))
    roll.click(position={"x": 300, "y": 40})
    assert not panel.locator(".clock").first.inner_text().startswith("0:00.0")


def test_a_recording_as_score(window: Window) -> None:
    page = window("play")
    panel = page.locator("#panel-play")
    panel.get_by_label("Score: the notes: from the studio").select_option(label="trumpet.ogg")
    press(page, "play", "Play")
    assert panel.get_by_role("radio", name="Recording").count() == 1


def test_words_are_no_score(window: Window, files: Path) -> None:
    page = window("play")
    bring(page, "play", "Score", files / "words.mid")
    assert "words.mid" in refusal(page, "play")


def test_two_ensembles_blended(window: Window) -> None:
    page = window("translate")
    page.get_by_role("button", name="Blend with another").click()
    press(page, "translate", "Translate")
    command = page.locator("#panel-translate code").first.inner_text()
    assert command.count("--to") == 2


def test_silence_is_not_translated(window: Window, files: Path) -> None:
    page = window("translate")
    bring(page, "translate", "Recording", files / "silence.wav")
    page.locator("#panel-translate .slot").first.get_by_text("3.0 s").wait_for()
    page.get_by_role("button", name="Translate", exact=True).click()
    assert "silence.wav" in refusal(page, "translate")


def test_a_tune_turned(window: Window) -> None:
    page = window("melody")
    press(page, "melody", "Turn the tune")
    panel = page.locator("#panel-melody")
    assert panel.locator("canvas[aria-label^='After']").count() == 1
    assert "--style hornpipe" in panel.locator("code").first.inner_text()


def test_drums_are_no_tune(window: Window) -> None:
    page = window("melody")
    page.get_by_label("Tune: from the studio", exact=True).select_option(label="funk.mid")
    page.get_by_role("button", name="Turn the tune").click()
    assert "funk.mid" in refusal(page, "melody")


def test_the_groove_follows_its_sliders(window: Window) -> None:
    page = window("groove")
    press(page, "groove", "Mix them")
    panel = page.locator("#panel-groove")
    panel.get_by_role("slider", name="From A to B").fill("0.8")
    panel.locator("code", has_text="--amount 0.8").wait_for()
    panel.get_by_label("Three sliders").check()
    panel.get_by_role("slider", name="When").fill("0")
    panel.locator("code", has_text="--timing 0").wait_for()


def test_a_tune_is_no_groove(window: Window) -> None:
    page = window("groove")
    page.get_by_label("A: from the studio", exact=True).select_option(label="cantus.mid")
    page.get_by_role("button", name="Mix them").click()
    assert "cantus.mid" in refusal(page, "groove")


def test_a_cantus_is_changed_and_solved(window: Window) -> None:
    page = window("counterpoint")
    panel = page.locator("#panel-counterpoint")
    staff = panel.get_by_role("application", name="Cantus on a staff")
    staff.locator("svg").wait_for()
    before = staff.locator("svg").get_attribute("aria-label")
    staff.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    assert staff.locator("svg").get_attribute("aria-label") != before
    press(page, "counterpoint", "Solve")
    panel.get_by_role("group", name="Solution 2").locator("svg").wait_for()


def test_staves_spell_as_scores_do(window: Window) -> None:
    page = window("counterpoint")
    keys, pitches = range(-7, 8), range(21, 109)
    found = page.evaluate(
        """async ([keys, pitches]) => {
          const { spelled } = await import("/static/js/staff.js");
          return keys.map(key => pitches.map(pitch => spelled(pitch, key)));
        }""",
        [[*keys], [*pitches]],
    )
    for key, row in zip(keys, found, strict=True):
        for pitch, shown in zip(pitches, row, strict=True):
            step, alter, octave = spell(pitch, key)
            assert shown == {"step": 7 * octave + "CDEFGAB".index(step), "alter": alter}


def test_staves_have_a_signature_and_beams(window: Window) -> None:
    """D major: two sharps before the notes, none at them but for what the key has not."""
    page = window("counterpoint")
    beams, signs, naturals = page.evaluate(
        """async () => {
          const { engrave } = await import("/static/js/staff.js");
          const { GLYPHS } = await import("/static/vendor/glyphs.js");
          const pitches = [62, 64, 66, 67, 69, 72];
          const notes = pitches.map((pitch, i) => ({at: i / 2, length: 0.5, pitch}));
          const score = {voices: [{notes}], quarters: 4, metre: "4/4", fifths: 2};
          const { element } = engrave(score, {width: 600, label: "D"});
          const paths = [...element.querySelectorAll("path")].map(path => path.getAttribute("d"));
          const count = name => paths.filter(d => d === GLYPHS[name][1]).length;
          const drawn = new Set(Object.values(GLYPHS).map(glyph => glyph[1]));
          return [paths.filter(d => !drawn.has(d)).length, count("sharp"), count("natural")];
        }"""
    )
    assert (beams, signs, naturals) == (3, 2, 1)


def test_drums_are_no_cantus(window: Window) -> None:
    page = window("counterpoint")
    page.get_by_label("Cantus: from the studio", exact=True).select_option(label="funk.mid")
    page.get_by_role("button", name="Solve").click()
    assert "funk.mid" in refusal(page, "counterpoint")


def test_breaches_are_said_at_their_bars(window: Window, files: Path) -> None:
    cantus = [62, 65, 64, 62, 67, 65, 69, 67, 65, 64, 62]
    parallel = [pitch + 7 for pitch in cantus]
    voices = {
        name: tuple(Note(2.0 * bar, 2.0 * bar + 2, pitch, 90) for bar, pitch in enumerate(pitches))
        for name, pitches in (("Counterpoint", parallel), ("Cantus", cantus))
    }
    parts = [Part(notes, name=name) for name, notes in voices.items()]
    save_score(Score(tuple(parts)), files / "fifths.mid")
    page = window("counterpoint")
    bring(page, "counterpoint", "Exercise", files / "fifths.mid")
    page.get_by_role("group", name="fifths.mid").wait_for()
    press(page, "counterpoint", "Correct")
    panel = page.locator("#panel-counterpoint")
    assert "Bar 2" in panel.locator("ul.list").last.inner_text()
    assert panel.get_by_role("group", name="Exercise").locator("rect.bad").count() >= 2
