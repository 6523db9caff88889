"""SFZ files, and the samples beside them."""

from collections.abc import Sequence
from pathlib import Path

from cambiata.audio.sound import Audio
from cambiata.instrument.samples import Sample, Zone

# ampeg_decay and ampeg_release: the time in which players (sfizz, ARIA) fall by 80 to 90 dB.
_FULL_DB = 84.0


def write_sfz(
    place: Path, folder: Path, folder_name: str, name: str, zones: Sequence[Zone]
) -> None:
    """Write an instrument: its text to `place`, its samples to `folder`, to be `folder_name`."""
    samples = list(dict.fromkeys(zone.sample for zone in zones))
    for sample in samples:
        Audio(sample.samples, sample.sample_rate, "PCM_24", sample.name).save(
            folder / _file(sample)
        )
    # The format's first version alone, which every player reads. Velocities count by its own curve,
    # 40 dB a decade.
    lines = [f"// {name}, made by Cambiata", "<group>", "amp_veltrack=100"]
    for zone in zones:
        lines += [
            "<region>",
            " ".join(f"{key}={value}" for key, value in _opcodes(zone, folder_name)),
        ]
    place.write_text("\n".join(lines) + "\n", "utf-8")


def _file(sample: Sample) -> str:
    return f"{sample.name}.wav"


def _opcodes(zone: Zone, folder_name: str) -> list[tuple[str, object]]:
    sample = zone.sample
    codes: list[tuple[str, object]] = [
        ("sample", f"{folder_name}/{_file(sample)}"),
        ("lokey", zone.keys[0]),
        ("hikey", zone.keys[1]),
        ("lovel", zone.velocities[0]),
        ("hivel", zone.velocities[1]),
        ("pitch_keycenter", sample.key),
        ("tune", round(-sample.cents)),
    ]
    if sample.loop:
        # The last sample of the loop is the end's own.
        codes += [("loop_mode", "loop_continuous"), ("loop_start", sample.loop[0])]
        codes += [("loop_end", sample.loop[1] - 1)]
    else:
        codes += [("loop_mode", "no_loop")]
    if sample.decay_db_s > 0:
        codes += [("ampeg_hold", f"{sample.hold_s:.4f}")]
        codes += [("ampeg_decay", f"{_FULL_DB / sample.decay_db_s:.3f}"), ("ampeg_sustain", 0)]
    return [*codes, ("ampeg_release", f"{_FULL_DB / sample.release_db_s:.3f}")]
