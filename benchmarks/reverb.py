"""Errors and costs of the reverb verbs, on known rooms.

    python benchmarks/reverb.py TABLE [--rooms FOLDER] [--dry FILE...]

ROOMS holds measured impulse responses, DRY files are sounds to put into rooms (else the two of
`examples/`). Intervals are 95 % bootstrap intervals over the items.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import cambiata
from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, load
from cambiata.audio.source import resample
from cambiata.reverb.blind import RATE_HZ
from cambiata.reverb.decay import OctaveDecay, measure_octaves
from cambiata.reverb.deconvolution import direct_start
from cambiata.reverb.image_source import SPEED_M_S, Shoebox
from cambiata.reverb.tail import decaying_noise, with_direct
from reverb_calibration import bursts

ROOT = Path(__file__).parent.parent
Array = npt.NDArray[Any]


def interval(values: Sequence[float] | Array, statistic: str = "median") -> str:
    """A statistic with its bootstrap interval."""
    data, rng = np.array(values), np.random.default_rng(0)
    function = np.median if statistic == "median" else np.mean
    resampled = [function(rng.choice(data, len(data))) for _ in range(1000)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    return f"{function(data):.3g} [{low:.3g}, {high:.3g}]"


def convolved(sound: Samples, response: Samples) -> Samples:
    """Whole convolution [T]."""
    n = len(sound) + len(response) - 1
    size = 1 << (n - 1).bit_length()
    product = np.fft.rfft(sound, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product, size)[:n].astype(np.float32)


def known_rooms(folder: Path | None) -> dict[str, tuple[Samples, int]]:
    """Responses [T] with noise-free decays: synthetic ones, and measured ones where there are."""
    rooms = {}
    for i, rt60_s in enumerate((0.3, 0.6, 1.2, 2.4)):
        centres_hz = (125, 250, 500, 1000, 2000, 4000, 8000)
        times_s = {c: rt60_s * (1000 / c) ** 0.15 for c in centres_hz}
        noise = decaying_noise({float(c): t for c, t in times_s.items()}, 48000, seed=i)
        rooms[f"noise {rt60_s} s"] = (np.pad(with_direct(noise, 0.0, 200)[0], (4800, 0)), 48000)
    for path in sorted(folder.glob("*.wav")) if folder else ():
        sound = load(path)
        # Silence before it, in which the octaves' filters ring.
        padded = np.pad(sound.samples[0], (sound.sample_rate // 10, 0))
        rooms[path.stem] = (padded, sound.sample_rate)
    return rooms


def octaves_of(response: Samples, rate: int) -> list[OctaveDecay]:
    """Measures of a response [T] as it is."""
    return measure_octaves(response, rate, direct_start(response[None], rate))


def sweep_table(rooms: dict[str, tuple[Samples, int]]) -> None:
    """Errors of `capture` against the response itself."""
    played = cambiata.reverb_sweep(tail_s=6.0)
    cases = (("clean", 90.0, 0.0), ("20 dB", 20.0, 0.0), ("20 dB, 100 ppm", 20.0, 100e-6))
    print("| room | recording | RT60 error, % | largest | EDT, % | C50, dB | drift, ppm |")
    print("|---|---|---|---|---|---|---|")
    every: dict[str, list[float]] = {name: [] for name, _, _ in cases}
    for name, (response, rate) in rooms.items():
        true = octaves_of(response, rate)
        wet = convolved(resample(played.samples[0], 48000, rate), response)
        for case, snr_db, drift in cases:
            sound = resample(wet, rate, rate * (1 + drift)) if drift else wet
            noise = np.random.default_rng(0).standard_normal(len(sound)) * sound.std()
            sound = sound + noise * 10 ** (-snr_db / 20)
            sound = np.pad(0.5 * sound / np.abs(sound).max(), (rate // 3, 0))
            try:
                found = cambiata.reverb_capture(Audio(sound.astype(np.float32), rate), played)
            except cambiata.InputError as error:
                print(f"| {name} | {case} | refused: {error} | | | | |")
                continue
            pairs = [
                (f, t) for f, t in zip(found.octaves, true, strict=True) if f.rt60_s and t.rt60_s
            ]
            rt = [100 * abs(f.rt60_s / t.rt60_s - 1) for f, t in pairs if f.rt60_s and t.rt60_s]
            edt = [100 * abs(f.edt_s / t.edt_s - 1) for f, t in pairs if f.edt_s and t.edt_s]
            c50 = [abs(f.c50_db - t.c50_db) for f, t in pairs if f.c50_db and t.c50_db]
            if not rt:
                print(f"| {name} | {case} | no octave known | | | | |")
                continue
            every[case] += rt
            print(
                f"| {name} | {case} | {np.mean(rt):.1f} | {max(rt):.1f} | {np.mean(edt):.1f} | "
                f"{np.mean(c50):.2f} | {found.drift_ppm:+.1f} |"
            )
    for case, errors in every.items():
        share = np.mean(np.array(errors) <= 5)
        print(f"{case}: mean error {interval(errors, 'mean')} %, within 5 %: {share:.2f}")


def blind_table(rooms: dict[str, tuple[Samples, int]], dry: Sequence[Path]) -> None:
    """Errors of `estimate` on dry sounds in known rooms, and of the direct sound's level."""
    errors: dict[float, list[float]] = {}
    middle, n_all, n_found = [], 0, 0
    for name, (response, rate) in rooms.items():
        true = {o.centre_hz: o.rt60_s for o in octaves_of(response, rate)}
        of_room = []
        for path in dry:
            sound = load(path, end_s=min(30.0, load(path).duration_s))
            wet = convolved(resample(sound.samples[0], sound.sample_rate, rate), response)
            try:
                found = cambiata.reverb_estimate(Audio(wet, rate))
            except cambiata.InputError:
                n_all += 6
                continue
            for centre_hz, time_s in found.times_s.items():
                n_all += 1
                target = true.get(centre_hz)
                if time_s is not None and target is not None:
                    n_found += 1
                    errors.setdefault(centre_hz, []).append(100 * abs(time_s / target - 1))
                    of_room.append(100 * (time_s / target - 1))
            both = [t for c in (500.0, 1000.0) if (t := true.get(c)) is not None]
            if found.rt60_s is not None and both:
                middle.append(100 * abs(found.rt60_s / float(np.mean(both)) - 1))
        if of_room:
            print(f"{name}: median {np.median(of_room):+.0f} %")
    for centre_hz, each in errors.items():
        print(f"{centre_hz:g} Hz: median error {interval(each)} %, n {len(each)}")
    flat = [e for each in errors.values() for e in each]
    print(f"all octaves: {interval(flat)} %, within 20 %: {np.mean(np.array(flat) < 20):.2f}")
    print(f"500 Hz and 1 kHz together: {interval(middle)} %; found {n_found} of {n_all} octaves")


def room_table() -> None:
    """Errors of simulated rooms against the time asked for."""
    errors, rng = [], np.random.default_rng(0)
    for i in range(12):
        size = tuple(rng.uniform((3, 3, 2.4), (15, 10, 6)))
        rt60_s = float(rng.uniform(0.3, 2.0))
        one, two = (tuple(rng.uniform(0.1, 0.9, 3) * size) for _ in range(2))
        made = cambiata.reverb_room(size, one, two, rt60_s=rt60_s, seed=i)
        for octave in octaves_of(made.samples[0], made.sample_rate):
            if octave.rt60_s is not None:
                errors.append(100 * abs(octave.rt60_s / rt60_s - 1))
    print(
        f"mean error {interval(errors, 'mean')} %, within 5 %: {np.mean(np.array(errors) <= 5):.2f}"
    )


def image_table() -> None:
    """Early reflections beside pyroomacoustics' of the same rooms, to where ours fade out."""
    import pyroomacoustics

    pyroomacoustics.constants.set("c", SPEED_M_S)
    rng = np.random.default_rng(0)
    for _ in range(6):
        size = tuple(rng.uniform((4, 3, 2.4), (12, 8, 4)))
        box = Shoebox(size, float(rng.uniform(0.2, 0.6)))
        source, listener = (tuple(rng.uniform(0.15, 0.85, 3) * size) for _ in range(2))
        walls = pyroomacoustics.Material(box.absorption)
        room = pyroomacoustics.ShoeBox(size, fs=48000, materials=walls, max_order=17)
        room.add_source(source)
        room.add_microphone(listener)
        room.compute_rir()
        late = pyroomacoustics.constants.get("frac_delay_length") // 2
        direct_s = float(np.linalg.norm(np.subtract(source, listener))) / SPEED_M_S
        n = round((direct_s + min(0.08, 0.25 * box.rt60_s) - 0.03) * 48000)
        own = box.response(source, [listener], 48000)[0, :n]
        likeness = np.corrcoef(own, room.rir[0][0][late : late + n])[0, 1]
        print(f"{'x'.join(f'{m:.1f}' for m in size)} m, {1000 * n / 48000:.0f} ms: {likeness:.4f}")


def remove_table(rooms: dict[str, tuple[Samples, int]], dry: Sequence[Path]) -> None:
    """Energy of what is early (first 50 ms of the response) over the rest, before and after."""
    gains: dict[str, list[float]] = {"recordings": [], "bursts": []}
    sounds = {path.stem: load(path, end_s=min(15.0, load(path).duration_s)) for path in dry}
    for i in range(2):
        sounds[f"bursts {i}"] = Audio(bursts(np.random.default_rng(i)), RATE_HZ)
    for name, (response, rate) in rooms.items():
        start = direct_start(response[None], rate)
        early = response.copy()
        early[start + rate // 20 :] = 0
        for title, sound in sounds.items():
            clean = resample(sound.samples[0], sound.sample_rate, rate)
            wet, target = (convolved(clean, h)[: len(clean)] for h in (response, early))
            out = cambiata.reverb_remove(Audio(wet, rate)).samples[0]
            before, after = early_db(wet, target), early_db(out, target)
            gains["bursts" if "bursts" in title else "recordings"].append(after - before)
            print(f"{name}, {title}: {before:.1f} -> {after:.1f} dB")
    for kind, each in gains.items():
        print(f"{kind}: gain {interval(each, 'mean')} dB")


def early_db(sound: Samples, target: Samples) -> float:
    """Energy of a sound that is along a target, over the rest of it, in dB."""
    gain = float((sound * target).sum() / (target**2).sum())
    rest = sound - gain * target
    return float(10 * np.log10(gain**2 * (target**2).sum() / (rest**2).sum()))


def peer_table(rooms: dict[str, tuple[Samples, int]]) -> None:
    """Times and clarity beside pyrato's, of the same responses in the same octaves."""
    import pyfar
    from pyrato.edc import energy_decay_curve_chu_lundeby
    from pyrato.parameters import clarity, reverberation_time_linear_regression

    times: dict[str, list[float]] = {"T20": [], "T30": [], "EDT": []}
    clarities = []
    for name, (response, rate) in rooms.items():
        start = direct_start(response[None], rate)
        signal = pyfar.Signal(response[start:].astype(np.float64), rate)
        bands = pyfar.dsp.filter.fractional_octave_bands(
            signal, num_fractions=1, frequency_range=(125, 4000)
        )
        for octave, band in zip(octaves_of(response, rate), bands.time, strict=False):
            try:
                curve = energy_decay_curve_chu_lundeby(pyfar.Signal(band[0], rate))
                peers = {k: float(reverberation_time_linear_regression(curve, k)[0]) for k in times}
                early_db = float(clarity(curve, 50)[0])
            except (ValueError, IndexError) as error:
                print(f"{name}, {octave.centre_hz:g} Hz: refused by pyrato: {error}")
                continue
            own = {"T20": octave.t20_s, "T30": octave.t30_s, "EDT": octave.edt_s}
            for kind, time_s in own.items():
                if time_s is not None and np.isfinite(peers[kind]):
                    times[kind].append(100 * (time_s / peers[kind] - 1))
            if octave.c50_db is not None and np.isfinite(early_db):
                clarities.append(octave.c50_db - early_db)
    for kind, each in times.items():
        size = interval(np.abs(each))
        print(f"{kind}: n {len(each)}, median {interval(each)} %, its size {size} %")
    size = interval(np.abs(clarities))
    print(f"C50: n {len(clarities)}, median {interval(clarities)} dB, its size {size} dB")


def speed_table(seconds: float) -> None:
    """Whole processes: seconds and memory for a stereo recording of some length."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        example = load(ROOT / "examples" / "trumpet.ogg")
        n = round(seconds * example.sample_rate)
        sound = np.resize(example.samples[0], n)
        Audio(np.stack([sound, 0.9 * sound]), example.sample_rate, "PCM_16").save(folder / "in.wav")
        noise = decaying_noise({500.0: 1.5, 2000.0: 1.2}, 48000, 2, int(rng.integers(99)))
        Audio(with_direct(noise, 0.0), 48000).save(folder / "room.wav")
        played = cambiata.reverb_sweep()
        played.save(folder / "sweep.wav")
        wet = convolved(played.samples[0], with_direct(noise, 0.0)[0])
        Audio(0.5 * wet / np.abs(wet).max(), 48000).save(folder / "recorded.wav")
        verbs = {
            "capture": "recorded.wav sweep.wav -o r.wav",
            "apply": "in.wav room.wav -o a.wav",
            "estimate": "in.wav",
            "match": "in.wav in.wav -o m.wav",
            "room": "in.wav -o p.wav --size 8x5x3 --listener 2,2,1 --source 6,3,1 --path 6,1,1",
            "remove": "in.wav -o d.wav",
        }
        print("| verb | sound, s | wall, s | CPU, s | CPU over sound | peak MiB |")
        print("|---|---|---|---|---|---|")
        for verb, typed in verbs.items():
            command = [sys.executable, "-m", "cambiata", "reverb", verb, *typed.split()]
            code = (
                "import resource as r, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
                "capture_output=True); u = r.getrusage(r.RUSAGE_CHILDREN); "
                "print(u.ru_maxrss, u.ru_utime + u.ru_stime)"
            )
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", code, *command], cwd=folder, capture_output=True, text=True
            )
            wall_s = time.perf_counter() - started
            length_s = len(wet) / 48000 if verb == "capture" else seconds
            peak_kib, cpu_s = (float(each) for each in (done.stdout or "nan nan").split())
            print(
                f"| {verb} | {length_s:.0f} | {wall_s:.1f} | {cpu_s:.1f} | "
                f"{cpu_s / length_s:.3f} | {peak_kib / 1024:.0f} |"
            )


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    tables = ("sweep", "blind", "room", "images", "remove", "peers", "speed")
    parser.add_argument("table", choices=tables)
    parser.add_argument("--rooms", type=Path)
    parser.add_argument("--dry", type=Path, nargs="*")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    examples = [ROOT / "examples" / name for name in ("trumpet.ogg", "cello.flac")]
    dry = options.dry or examples
    rooms = known_rooms(options.rooms)
    if options.table == "sweep":
        sweep_table(rooms)
    elif options.table == "blind":
        blind_table(rooms, dry)
    elif options.table == "room":
        room_table()
    elif options.table == "images":
        image_table()
    elif options.table == "remove":
        remove_table(rooms, dry)
    elif options.table == "peers":
        peer_table(rooms)
    else:
        speed_table(options.seconds)


if __name__ == "__main__":
    main()
