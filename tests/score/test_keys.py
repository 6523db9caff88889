import numpy as np
import pytest

from cambiata.errors import InputError
from cambiata.score.keys import key_fits, move_to_key, parse_key

MAJOR_SCALE = np.array([3, 0, 1, 0, 2, 1, 0, 2.5, 0, 1, 0, 1.0])
MINOR_SCALE = np.array([3, 0, 1, 2, 0, 1, 0, 2.5, 1, 0, 0, 1.0])


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(("scale", "mode"), [(MAJOR_SCALE, 0), (MINOR_SCALE, 1)])
def test_scales_are_in_their_keys(tonic: int, scale: np.ndarray, mode: int) -> None:
    fits = key_fits(np.roll(scale, tonic))
    assert np.unravel_index(int(fits.argmax()), fits.shape) == (mode, tonic)


def test_fits_are_those_of_krumhansls_profiles() -> None:
    # A profile fits itself exactly; that of the relative minor next to it.
    profile = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]
    fits = key_fits(np.array(profile))
    assert fits[0, 0] == pytest.approx(1)
    assert int(fits[1].argmax()) == 9
    assert not key_fits(np.zeros(12)).any()


@pytest.mark.parametrize(
    ("text", "name"),
    [("D", "D"), ("bb", "Bb"), ("F#m", "F# minor"), ("e♭ Major", "Eb major"), ("Cb", "B")],
)
def test_keys_are_read_as_they_are_written(text: str, name: str) -> None:
    assert str(parse_key(text)) == name


@pytest.mark.parametrize("text", ["H", "", "D dorian", "12", "##"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"is not a key; write it like D, Bb or F#m"):
        parse_key(text)


@pytest.mark.parametrize(
    ("scale", "tonic", "key", "semitones", "found"),
    [
        (MAJOR_SCALE, 0, "D", 2, "C major"),
        (MAJOR_SCALE, 0, "F#", 6, "C major"),
        (MAJOR_SCALE, 0, "G", -5, "C major"),
        (MINOR_SCALE, 9, "D", 5, "A minor"),
        (MINOR_SCALE, 9, "Em", -5, "A minor"),
        (MAJOR_SCALE, 7, "G", 0, "G major"),
    ],
)
def test_the_way_to_a_key_is_the_shortest(
    scale: np.ndarray, tonic: int, key: str, semitones: int, found: str
) -> None:
    move = move_to_key(np.roll(scale, tonic), key)
    assert (move.semitones, str(move.found)) == (semitones, found)


def test_a_mode_that_the_music_has_not_is_reached_by_its_relative() -> None:
    in_c = np.array([3, 0, 1, 0, 2.2, 1, 0, 2, 0, 1.8, 0, 0.5])
    assert str(move_to_key(in_c, "D").found) == "C major"
    move = move_to_key(in_c, "Dm")
    assert str(move.found) == "A minor"
    assert move.semitones == 5
