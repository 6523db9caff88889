"""What a transfer of a recording gets wrong where no target tells what is right.

Its notes, levels and width are compared with the content, what is between its partials and its
long-term spectrum with the style. `docs/how-to/evaluate.md` lists the measures and their goals.
"""

from dataclasses import dataclass

from cambiata.audio.sound import Audio
from cambiata.evaluate.attacks import Attacks, compare_attacks, find_attacks
from cambiata.evaluate.dynamics import gap_fill_db, range_ratio, silence_excess_db
from cambiata.evaluate.floor import Levels, extra_db, floor_db
from cambiata.evaluate.long_term import (
    centroid_hz,
    long_term_spectrum_db,
    share_of_way,
    widening_db,
)
from cambiata.evaluate.vibrato import Curve, pitch_curve_cents, vibrato_ratio


@dataclass(frozen=True)
class Reference:
    """What is measured once of a content and a style, for all rows."""

    content: Audio
    attacks: Attacks
    pitch_cents: Curve
    content_spectrum_db: Levels
    style_spectrum_db: Levels
    style_floor_db: Levels
    style_centroid_hz: float


def measure_reference(content: Audio, style: Audio) -> Reference:
    """The reference that a pair's outputs are compared with."""
    return Reference(
        content=content,
        attacks=find_attacks(content),
        pitch_cents=pitch_curve_cents(content),
        content_spectrum_db=long_term_spectrum_db(content),
        style_spectrum_db=long_term_spectrum_db(style),
        style_floor_db=floor_db(style),
        style_centroid_hz=centroid_hz(style),
    )


def measure_defects(output: Audio, reference: Reference) -> dict[str, float]:
    """Measures by name; not a number where one does not apply to the pair."""
    content = reference.content
    counts = compare_attacks(reference.attacks, find_attacks(output))
    way = share_of_way(
        long_term_spectrum_db(output), reference.content_spectrum_db, reference.style_spectrum_db
    )
    return {
        "extra_attacks": 100 * counts.extra_share,
        "missing_attacks": 100 * counts.missing_share,
        "extra_floor_db": extra_db(floor_db(output), reference.style_floor_db),
        "range_ratio": range_ratio(content, output),
        "gap_fill_db": gap_fill_db(content, output, reference.attacks.clear_s),
        "silence_excess_db": silence_excess_db(content, output),
        "spectrum_way": 100 * way,
        "centroid_ratio": centroid_hz(output) / reference.style_centroid_hz,
        "widening_db": widening_db(content, output),
        "vibrato_ratio": vibrato_ratio(reference.pitch_cents, pitch_curve_cents(output)),
    }
