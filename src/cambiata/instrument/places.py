"""Where an instrument may be written, and its samples."""

from pathlib import Path

from cambiata.files import OutputKind, check_output

_INSTRUMENT = OutputKind(
    (".sfz", ".sf2"),
    ("is not a kind of instrument", "name it .sfz or .sf2"),
    no_folder=("the folder {folder} does not exist", "create it first"),
    not_writable=("the folder {folder} may not be written", "choose another"),
)
_SAMPLES = OutputKind(
    is_folder=None,
    is_file=("is a file, where the samples are to lie", "choose another name"),
    foreign=("holds something other than samples", "choose another name for the instrument"),
)


def check_places(output: str | Path, force: bool) -> tuple[Path, Path | None]:
    """Where the instrument goes, and its samples; refused where they may not."""
    place = check_output(output, _INSTRUMENT, force=force)
    if place.suffix.lower() == ".sf2":
        return place, None
    folder = samples_folder(place)
    check_output(folder, _SAMPLES, force=force, is_own=_holds_samples)
    return place, folder


def samples_folder(place: Path) -> Path:
    """Folder of an .sfz's samples."""
    return place.with_name(f"{place.stem}-samples")


def _holds_samples(folder: Path) -> bool:
    return all(each.suffix == ".wav" and each.is_file() for each in folder.iterdir())
