"""The picture of a section."""

import numpy as np
from singing import RATE, contour, vowel

from cambiata.audio.sound import Audio
from cambiata.drawing.canvas import Image, Text
from cambiata.ensemble.f0 import track_pitch
from cambiata.ensemble.notes import read_tune
from cambiata.ensemble.picture import draw_section
from cambiata.ensemble.rendering import Section
from cambiata.ensemble.singers import make_singer
from cambiata.ensemble.stage import places


def test_voices_places_and_spectrograms_are_drawn() -> None:
    sound = vowel(contour([57, 60]))
    tune = read_tune(track_pitch(sound, RATE, float(np.abs(sound).max())))
    singers = tuple(make_singer(tune, i % 2, tune.pitch, 1.0, 0.5, [0, i]) for i in range(3))
    stood = places([s.part for s in singers], 0.5, "hall", np.random.default_rng(0))
    audio = Audio(sound, RATE, name="voice.wav")
    canvas = draw_section(Section(singers, tuple(stood), "hall", True), tune, audio, audio)
    texts = [shape.text for shape in canvas.shapes if isinstance(shape, Text)]
    assert "voice.wav: 3 voices" in texts
    assert any(text.startswith("voice 3: ") for text in texts)
    assert sum(isinstance(shape, Image) for shape in canvas.shapes) == 2
    assert canvas.height > 600
