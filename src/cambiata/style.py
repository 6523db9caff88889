"""Styles: opened by their path, and captured when their timbre is asked for."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import Source
from cambiata.errors import InputError
from cambiata.named_timbres.named import open_recording
from cambiata.system import DomainMix, StyleSystem, TranslateSystem, read_style, warn_of_no_pitch
from cambiata.timbre import SUFFIX, Timbre, load_timbre
from cambiata.weights import weights_checked


def open_style(path: str | Path, *, strict: bool = False) -> Timbre | AudioFile | Audio:
    """A style: a timbre where the file is a ".timbre", else a recording, or one that ships."""
    if Path(path).suffix == SUFFIX:
        return load_timbre(path)
    return open_recording(path, strict=strict)


class Style:
    """Source of a timbre: a recording, a timbre that was captured before, or a mix of domains."""

    def __init__(
        self,
        style: Source | Timbre | DomainMix,
        system: StyleSystem[Any, Any],
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> None:
        self._system = system
        self._timbre: Any = None
        self._captured: Future[Any] | None = None
        self._lock = threading.Lock()
        self._name = "" if isinstance(style, DomainMix) else style.name
        self.samples: Samples | None = None  # of a recording, what is used of it [T]
        self.region_s = self.used_s = 0.0
        if isinstance(style, DomainMix):
            if not isinstance(system, TranslateSystem):
                raise InputError(system.name, "plays no domains", 'use `system="translation"`')
            with weights_checked():
                self._timbre = system.blend(style)
        elif isinstance(style, Timbre):
            if start_s is not None or end_s is not None:
                raise InputError(
                    style.name, "has no regions", "leave out the style's start and end"
                )
            with weights_checked():
                self._timbre = style.for_system(system)
        else:
            self.samples, self.region_s = read_style(style, system, start_s, end_s)
            self.used_s = len(self.samples) / system.config.sample_rate

    def begin(self) -> None:
        """Capture in a thread, for whoever asks for the timbre soon."""
        if self._timbre is None and self._captured is None:
            pool = ThreadPoolExecutor(1)
            self._captured = pool.submit(self._capture)
            pool.shutdown(wait=False)

    def timbre(self) -> Any:
        """Timbre as the system's `render` takes it; a recording is captured at the first call."""
        with self._lock:
            if self._timbre is None:
                captured = self._captured
                self._timbre = self._capture() if captured is None else captured.result()
                warn_of_no_pitch(self._name, self._system, self._timbre)
        return self._timbre

    def _capture(self) -> Any:
        assert self.samples is not None
        with weights_checked():
            return self._system.capture(self.samples)
