"""Every system of every job, found by name: add a system with one file and one line in `_TABLE`."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from importlib import import_module
from typing import Any, Literal, cast

from cambiata.aliases import current_name
from cambiata.errors import InputError
from cambiata.names import nearest_names
from cambiata.system import (
    PlaySystem,
    System,
    SystemFacts,
    TransferConfig,
    TransferSystem,
    TranslateSystem,
)

Job = Literal["transfer", "play", "translate", "transcribe", "melody", "groove", "counterpoint"]


@dataclass(frozen=True)
class _Entry:
    job: Job
    name: str
    path: str  # module:class, imported when asked for, so that `import cambiata` stays light
    label: str = ""  # what the list of systems calls it, where the name alone would say too little

    def load(self) -> type[SystemFacts]:
        module, _, attribute = self.path.partition(":")
        return cast("type[SystemFacts]", getattr(import_module(f"cambiata.{module}"), attribute))


# The first of a job is its default. Facts (paper, licence, presets, ...) are on the class.
_TABLE = (
    _Entry("transfer", "oneshot", "timbre_transfer.oneshot:OneShot"),
    _Entry("transfer", "musaicing", "timbre_transfer.musaicing:Musaicing"),
    _Entry("transfer", "ulyanov", "timbre_transfer.ulyanov:Ulyanov"),
    _Entry("transfer", "vqvae", "timbre_transfer.vqvae:VqVae"),
    _Entry("play", "player", "performance.player:Player"),
    _Entry("play", "performancenet", "performance.performancenet:PerformanceNet"),
    _Entry("play", "wavenet", "performance.wavenet:WaveNet"),
    _Entry("translate", "translation", "translation.notes:Translation"),
    _Entry("transcribe", "transcriber", "transcription.api:Transcriber"),
    _Entry("transcribe", "drums", "transcription.drums:DrumTranscriber"),
    _Entry("melody", "melody", "melody.latent:Latent"),
    _Entry("melody", "pati2018", "melody.pati2018:Pati2018"),
    _Entry("melody", "retrieval", "melody.retrieval:Retrieval"),
    _Entry("groove", "exact", "groove.interpolation:Interpolation", "groove (exact)"),
    _Entry("groove", "vae", "groove.vae:LatentInterpolation", "groove (vae)"),
    _Entry("counterpoint", "counterpoint", "counterpoint.solver:CounterpointSolver"),
)

# Refusals of a system of another job, by the job that it would have to do.
_OTHER_JOB: Mapping[Job, str] = {
    "transfer": "does not transfer",
    "play": "does not play scores",
    "translate": "does not translate",
    "transcribe": "does not transcribe",
    "melody": "is not a system for melodies",
    "groove": "is not a system for grooves",
    "counterpoint": "is not a system for counterpoint",
}


def system_names(job: Job) -> list[str]:
    """Names of a job's systems, the default first.

    Parameters
    ----------
    job : str
        "transfer", "play", "translate", "transcribe", "melody", "groove" or "counterpoint".

    Returns
    -------
    list of str
        As ``--system`` takes them.

    Examples
    --------
    >>> system_names("play")
    ['player', 'performancenet', 'wavenet']
    """
    return [entry.name for entry in _TABLE if entry.job == job]


DEFAULT_TRANSFER = system_names("transfer")[0]
DEFAULT_PLAYER = system_names("play")[0]
DEFAULT_TRANSLATOR = system_names("translate")[0]


def available_systems() -> list[type[SystemFacts]]:
    """Every system of every job.

    Returns
    -------
    list of type of SystemFacts
        Their classes, job by job, each job's default first.

    Examples
    --------
    >>> [system.name for system in available_systems()][::4]
    ['oneshot', 'player', 'transcriber', 'retrieval']
    """
    return [entry.load() for entry in _TABLE]


def system_rows() -> Iterator[dict[str, Any]]:
    """Facts about every system, as ``cambiata systems`` prints them.

    Yields
    ------
    dict
        Name, job, whether it is the job's default, summary, paper, whether it is trained, licence
        of its weights, what it needs, presets, and the settings of the first of them.

    Examples
    --------
    >>> next(system_rows())["needs"]
    'base install'
    """
    for entry in _TABLE:
        system = entry.load()
        yield {
            "name": entry.label or entry.name,
            "job": entry.job,
            "default": entry.name == system_names(entry.job)[0],
            "summary": system.summary,
            "paper": system.paper,
            "trained": system.trained,
            "weights_licence": system.weights_licence,
            "needs": system.needs(),
            "presets": list(system.presets),
            "settings": _settings(system),
        }


def _settings(system: type[SystemFacts]) -> dict[str, Any]:
    """Names and values of a system's default configuration; none for one that has no settings."""
    config = next(iter(system.presets.values()), None)
    return asdict(config) if is_dataclass(config) and not isinstance(config, type) else {}


def find_system(name: str, job: Job | None = None) -> type[SystemFacts]:
    """System of a name, or of a name and a job.

    Parameters
    ----------
    name : str
        What ``cambiata systems`` calls it.
    job : str, optional
        The job that it has to do; any that is set by a configuration (transfer, play, translate)
        where not given.

    Returns
    -------
    type of SystemFacts
        Its class.

    Raises
    ------
    InputError
        There is no such system, or it has another job.

    Examples
    --------
    >>> find_system("retrieval", "melody").trained
    False
    """
    name = current_name("system", name)
    configured: tuple[Job, ...] = ("transfer", "play", "translate")
    for entry in _TABLE:
        if entry.name == name and entry.job in (configured if job is None else (job,)):
            return entry.load()
    names = [entry.name for entry in _TABLE if entry.job in configured]
    if job is not None and (name in names or job not in configured):
        raise InputError(name, _OTHER_JOB[job], "use one of " + ", ".join(system_names(job)))
    if job is not None:
        names = system_names(job)
    near = nearest_names(name, names)
    raise InputError(name, "is not a system", f"{near} use one of {', '.join(names)}".strip())


def system_named(name: str) -> type[System[Any]]:
    """System of a name that transfers, plays or translates.

    Parameters
    ----------
    name : str
        What ``cambiata systems`` calls it.

    Returns
    -------
    type of System
        Its class.

    Raises
    ------
    InputError
        There is no such system.

    Examples
    --------
    >>> system_named("musaicing").trained
    False
    """
    return cast("type[System[TransferConfig]]", find_system(name))


def transfer_system(name: str) -> type[TransferSystem[Any, Any]]:
    """Transfer system of a name.

    Parameters
    ----------
    name : str
        What ``cambiata systems`` calls it.

    Returns
    -------
    type of TransferSystem
        Its class.

    Raises
    ------
    InputError
        There is no such system, or it has another job.

    Examples
    --------
    >>> "shifted" in transfer_system("musaicing").presets
    True
    """
    # Translators are transfer systems whose `capture` says that they play domains, not recordings.
    job: Job = "translate" if name in system_names("translate") else "transfer"
    return cast("type[TransferSystem[Any, Any]]", find_system(name, job))


def play_system(name: str) -> type[PlaySystem[Any, Any]]:
    """System of a name that plays scores.

    Parameters
    ----------
    name : str
        What ``cambiata systems`` calls it.

    Returns
    -------
    type of PlaySystem
        Its class.

    Raises
    ------
    InputError
        There is no such system, or it has another job.

    Examples
    --------
    >>> play_system("player").trained
    True
    """
    return cast("type[PlaySystem[Any, Any]]", find_system(name, "play"))


def translate_system(name: str) -> type[TranslateSystem[Any, Any]]:
    """Translator of a name.

    Parameters
    ----------
    name : str
        What ``cambiata systems`` calls it.

    Returns
    -------
    type of TranslateSystem
        Its class.

    Raises
    ------
    InputError
        There is no such system, or it has another job.

    Examples
    --------
    >>> translate_system("translation").trained
    True
    """
    return cast("type[TranslateSystem[Any, Any]]", find_system(name, "translate"))
