"""How far onsets move: ``python benchmarks/onsets.py [CONTENT STYLE ...]`` (pairs in turn).

Onsets of content and output are found by librosa; each of the content's is matched with the nearest
of the output within 50 ms. The lag is where the two onset envelopes fit best as wholes.
"""

import argparse
from pathlib import Path

import librosa
import numpy as np

import cambiata
from cambiata.arrays import Samples
from machine import table

EXAMPLES = Path(__file__).parent.parent / "examples"
RATE, HOP = 22050, 64
SECONDS = 8.0


def mono_at_rate(audio: cambiata.Audio) -> Samples:
    """One channel at the rate of the analysis."""
    samples: Samples = audio.mono().resampled(RATE).samples[0]
    return samples


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", help="else the two examples, both ways")
    parser.add_argument("--systems", nargs="*", default=["oneshot", "musaicing", "ulyanov"])
    arguments = parser.parse_args()
    example = [str(EXAMPLES / "trumpet.ogg"), str(EXAMPLES / "cello.flac")]
    paths = arguments.paths or [*example, *example[::-1]]
    rows = []
    for content_path, style_path in zip(paths[::2], paths[1::2], strict=True):
        content, style = (cambiata.load(path) for path in (content_path, style_path))
        content = content.cut(0, min(SECONDS, content.duration_s)).mono()
        reference = mono_at_rate(content)
        onsets = librosa.onset.onset_detect(y=reference, sr=RATE, hop_length=HOP, units="time")
        reference_envelope = librosa.onset.onset_strength(y=reference, sr=RATE, hop_length=HOP)
        for system in arguments.systems:
            output = mono_at_rate(cambiata.transfer(content, style, system=system))
            output_onsets = librosa.onset.onset_detect(
                y=output, sr=RATE, hop_length=HOP, units="time"
            )
            shifts = [
                output_onsets[np.argmin(np.abs(output_onsets - onset))] - onset for onset in onsets
            ]
            matched = [shift for shift in shifts if abs(shift) <= 0.05]
            envelope = librosa.onset.onset_strength(y=output, sr=RATE, hop_length=HOP)
            fit = np.correlate(
                envelope - envelope.mean(), reference_envelope - reference_envelope.mean(), "full"
            )
            lag_ms = (int(np.argmax(fit)) - (len(reference_envelope) - 1)) * HOP / RATE * 1e3
            rows.append(
                [
                    f"{Path(content_path).stem[-24:]} by {Path(style_path).stem[:24]}",
                    system,
                    f"{len(matched)} of {len(onsets)}",
                    f"{1e3 * np.median(matched):+.1f}",
                    f"{lag_ms:+.1f}",
                ]
            )
    print(table(["pair", "system", "onsets matched", "median shift, ms", "lag, ms"], rows))


if __name__ == "__main__":
    main()
