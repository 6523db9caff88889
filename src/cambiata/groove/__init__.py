"""Drum grooves: from one to another, or to a drummer, by three sliders."""

from cambiata.groove.morphing import (
    GrooveReport,
    GrooveSystem,
    drummer_of,
    groove_file,
    morph_groove,
)

__all__ = ["GrooveReport", "GrooveSystem", "drummer_of", "groove_file", "morph_groove"]
