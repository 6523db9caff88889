"""Names of drums by General MIDI's keys."""

from cambiata.score.drums import DRUM_NAMES, drum_name


def test_general_midi_is_named_and_fits_the_margin() -> None:
    assert set(range(35, 82)) <= set(DRUM_NAMES)  # General MIDI 1, level 1: keys 35 to 81
    assert len(set(DRUM_NAMES.values())) == len(DRUM_NAMES)
    assert max(map(len, DRUM_NAMES.values())) <= 10
    assert [drum_name(key) for key in (36, 38, 42, 46, 49, 51, 56, 75, 12)] == [
        "kick", "snare", "closed hat", "open hat", "crash", "ride", "cowbell", "claves", "12",
    ]  # fmt: skip
