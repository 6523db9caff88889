"""The command line's verbs for rooms and reverb."""

from dataclasses import asdict
from typing import Any

import click

from cambiata.cli.console import print_report, shown_path, silence_warnings
from cambiata.cli.groups import VerbGroup
from cambiata.cli.options import (
    HELP,
    ApiOptions,
    Decorator,
    changed_sound_options,
    output_options,
    seed_option,
    sound_option,
    strict_option,
)
from cambiata.cli.values import SECONDS, SHARE
from cambiata.reverb import api
from cambiata.reverb.reports import MeasuredRoom, ReverbReport

_sweep_option = ApiOptions(api.sweep_file)
_capture_option = ApiOptions(api.capture_file)
_apply_option = ApiOptions(api.apply_file)


_estimate_option = ApiOptions(api.estimate_file)
_match_option = ApiOptions(api.match_file)
_room_option = ApiOptions(api.room_file)
_remove_option = ApiOptions(api.remove_file)


def _parse_point(
    _context: click.Context, parameter: click.Parameter, text: str
) -> tuple[float, ...]:
    """Three numbers of a text like 2,2,1.5, or 8x5x3 for a size."""
    try:
        return tuple(float(each) for each in text.replace("x", ",").split(","))
    except ValueError:
        like = "8x5x3" if parameter.name == "size" else "2,2,1.5"
        raise click.BadParameter(f"{text!r} is not three numbers; write it like {like}") from None


def _parse_path(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[tuple[float, ...], ...]:
    """Points of a path."""
    return tuple(_parse_point(context, parameter, text) for text in texts)


def _decay_picture(option: ApiOptions) -> Decorator:
    return option("--picture", "picture", metavar="OUT.svg|png", help="Draw the decay by octaves.")


def _tail_option(option: ApiOptions) -> Decorator:
    return option("--tail", "tail_s", type=SECONDS, metavar="TIME", help="Let the reverb ring out.")


@click.group(cls=VerbGroup, context_settings=HELP)
def reverb() -> None:
    """Rooms: measured, put on a sound, estimated, matched, simulated, taken away."""


@reverb.command("sweep", context_settings=HELP)
@click.option("-o", "--output", required=True, metavar="OUT", help="Sound file to write.")
@_sweep_option("--duration", "duration_s", type=SECONDS, metavar="TIME", help="Of the sweep.")
@_sweep_option("--low", "low_hz", type=float, metavar="HZ", help="Lowest frequency.")
@_sweep_option("--high", "high_hz", type=float, metavar="HZ", help="Highest frequency.")
@_sweep_option("--rate", "sample_rate", type=int, metavar="HZ", help="Sample rate.")
@_sweep_option(
    "--tail", "tail_s", type=SECONDS, metavar="TIME", help="Silence after it, longer than the RT60."
)
@_sweep_option("--level", "level_db", type=float, metavar="DB", help="Level, of full scale.")
@output_options
def sweep(output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Write an exponential sweep to play in a room that is to be measured."""
    done = api.sweep_file(output, **options)
    sentence = (
        f"{done.output}: {done.duration_s:.1f} s, of which a sweep of {done.sweep_s:g} s from "
        f"{done.low_hz:g} to {done.high_hz:g} Hz; play it in the room, and record from before it "
        "begins until after its last chirp"
    )
    print_report(done, sentence, quiet=quiet, as_json=as_json)


@reverb.command("capture", context_settings=HELP)
@click.argument("recording")
@click.argument("sweep", required=False)
@click.option("-o", "--output", required=True, metavar="ROOM.wav", help="Response to write.")
@_decay_picture(_capture_option)
@strict_option(_capture_option)
@output_options
def capture(
    recording: str, sweep: str | None, output: str, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Measure a room: RECORDING of SWEEP in it, or of a clap or balloon without SWEEP."""
    silence_warnings(quiet)
    done = api.capture_file(recording, sweep, output, **options)
    drift = "" if done.drift_ppm is None else f", clocks {done.drift_ppm:+.0f} ppm apart"
    louder = max((done.harmonics_db or {}).items(), key=lambda item: item[1], default=None)
    harmonic = "" if louder is None else f", harmonic {louder[0]} at {louder[1]:.0f} dB"
    first = f"{done.output}: found at {done.onset_s:.2f} s{drift}{harmonic}"
    _print_room(done, first, quiet=quiet, as_json=as_json)


def _print_room(done: MeasuredRoom, first: str, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        print_report(asdict(done), "", quiet=quiet, as_json=True)
        return
    lines = [f"{first}; RT60 {_number(done.rt60_s)} s"]
    lines.append("octave Hz  RT60 s  EDT s  C50 dB  noise dB")
    for each in done.octaves:
        lines.append(
            f"{each.centre_hz:9.0f}  {_number(each.rt60_s):>6}  {_number(each.edt_s):>5}  "
            f"{_number(each.c50_db, 1):>6}  {each.noise_db:8.0f}"
        )
    print_report(None, "\n".join(lines), quiet=quiet, as_json=False)


def _number(value: float | None, n_decimals: int = 2) -> str:
    return "-" if value is None else f"{value:.{n_decimals}f}"


def _print_sound(done: ReverbReport, what: str, *, quiet: bool, as_json: bool) -> None:
    sentence = (
        f"{shown_path(done.output)}: {done.duration_s:.1f} s {what}, amount {done.amount:g}, in "
        f"{done.elapsed_s:.1f} s (real-time factor {done.real_time_factor:.2f})"
    )
    print_report(done, sentence, quiet=quiet, as_json=as_json, on_stdout=done.output == "-")


@reverb.command("apply", context_settings=HELP)
@click.argument("recording")
@click.argument("room")
@sound_option
@_apply_option("--amount", "amount", type=SHARE, help="0 is the recording, 1 it in the room.")
@_tail_option(_apply_option)
@changed_sound_options(_apply_option)
def apply(
    recording: str, room: str, output: str, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Put RECORDING into ROOM, an impulse response of one, two or four channels."""
    silence_warnings(quiet)
    done = api.apply_file(recording, room, output, **options)
    _print_sound(done, "in the room", quiet=quiet, as_json=as_json)


@reverb.command("estimate", context_settings=HELP)
@click.argument("recording")
@_decay_picture(_estimate_option)
@strict_option(_estimate_option)
@output_options
def estimate(recording: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Estimate the reverberation time of RECORDING, ordinary music or speech, by octaves."""
    silence_warnings(quiet)
    done = api.estimate_file(recording, **options)
    if as_json:
        print_report(done, "", quiet=quiet, as_json=True)
        return
    lines = [f"{recording}: RT60 about {_number(done.rt60_s)} s", "octave Hz  RT60 s"]
    lines += [f"{each.centre_hz:9.0f}  {_number(each.rt60_s):>6}" for each in done.octaves]
    click.echo("\n".join(lines))


@reverb.command("match", context_settings=HELP)
@click.argument("dry")
@click.argument("reference")
@sound_option
@_match_option("--amount", "amount", type=SHARE, help="0 is DRY, 1 all of the reverb.")
@_match_option(
    "--direct", "direct_db", type=float, metavar="DB", help="Direct sound against the reverb."
)
@_tail_option(_match_option)
@seed_option(_match_option)
@changed_sound_options(_match_option)
def match(
    dry: str, reference: str, output: str, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Lay the reverb of REFERENCE, ordinary music or speech, on DRY."""
    silence_warnings(quiet)
    done = api.match_file(dry, reference, output, **options)
    times = ", ".join(f"{c:g} Hz {t:.2f} s" for c, t in (done.rt60_s or {}).items())
    _print_sound(done, f"with RT60 {times}", quiet=quiet, as_json=as_json)


@reverb.command("room", context_settings=HELP)
@click.argument("recording", required=False)
@click.option("-o", "--output", required=True, metavar="OUT", help="Sound file to write.")
@click.option(
    "--size", required=True, metavar="LxWxH", callback=_parse_point, help="In metres: 8x5x3."
)
@click.option(
    "--listener", required=True, metavar="X,Y,Z", callback=_parse_point, help="In metres."
)
@click.option("--source", required=True, metavar="X,Y,Z", callback=_parse_point, help="In metres.")
@click.option(
    "--path",
    multiple=True,
    metavar="X,Y,Z",
    callback=_parse_path,
    help="Where the source moves then, over RECORDING; may be repeated.",
)
@_room_option("--rt60", "rt60_s", type=float, metavar="S", help="Reverberation time in seconds.")
@_room_option("--absorption", "absorption", type=SHARE, help="Of the walls, instead; else 0.3.")
@_room_option("--channels", "n_channels", type=int, metavar="N", help="1 or 2 receivers.")
@_room_option("--rate", "sample_rate", type=int, metavar="HZ", help="Else RECORDING's, or 48000.")
@_room_option("--amount", "amount", type=SHARE, help="0 is RECORDING, 1 it in the room.")
@_tail_option(_room_option)
@_room_option(
    "--picture", "picture", metavar="OUT.svg|png", help="Draw the decay, or before and after."
)
@seed_option(_room_option)
@strict_option(_room_option)
@output_options
def room(recording: str | None, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Simulate a rectangular room: its response, or RECORDING in it, whose source may move."""
    silence_warnings(quiet)
    done = api.room_file(output, recording=recording, **options)
    if isinstance(done, MeasuredRoom):
        _print_room(done, f"{done.output}: a simulated room", quiet=quiet, as_json=as_json)
    else:
        _print_sound(done, "in the room", quiet=quiet, as_json=as_json)


@reverb.command("remove", context_settings=HELP)
@click.argument("recording")
@sound_option
@_remove_option("--amount", "amount", type=SHARE, help="0 is RECORDING, 1 all that is found.")
@changed_sound_options(_remove_option)
def remove(recording: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Take late reverb out of RECORDING: speech, or music of short notes."""
    silence_warnings(quiet)
    done = api.remove_file(recording, output, **options)
    _print_sound(done, "with less reverb", quiet=quiet, as_json=as_json)
