"""Trained weights that ship inside the package: named, hashed, with licence and card."""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from cambiata.errors import CambiataError, InputError
from cambiata.inputs import read_input
from cambiata.onnx_bytes import foreign_part, names_other_files


class WeightsError(CambiataError):
    """Weights are missing, or not those that were shipped."""


@dataclass(frozen=True)
class Weights:
    """Facts about weights that ship."""

    file: str  # ONNX file in the package's folder `shipped`
    sha256: str
    licence: str
    card: str  # path in the repository


# SHA-256 of every network's main file, by its card. A network trained anew needs its new one here.
_SHIPPED = {
    "timbre-metric": {
        "timbre-metric": "0a09a58897ea9448142797969336f869cb59ed2794bbaf081c38271b20cf6638",
    },
    "oneshot": {
        "oneshot": "cd75ae84537896b3462459d6539474137bce7329a21ffc6771d01aaed874c7b5",
    },
    "transcription": {
        "listener": "949b4af615759e10989bb17cc2007e24f903c53cbfa72487b55039c68a938904",
        "listener-causal": "b46a3bcb27baf7d4b5582dddcd90ef5a26959ff3dfae1aad88090b966329ee46",
    },
    "drums": {
        "drums": "4b6f38a1f27447124139f0d1c80a267e46c1e440f78781f1d9d594a62c9f0409",
    },
    "play": {
        "player": "37259273600f77e76b6e996c4f7fa8cc5c65aadeff0dddfbf392dae2205e3d6a",
        "performancenet": "9ec7a0d4aa1acebd6906c6c0ad487e5a3567dd20ef70b506e696505834121626",
        "wavenet": "ec72e387c7663d543ce9fc8bf56cc01f3a8d2bde9ab34e8cacfa22bc9dd70892",
    },
    "translation": {
        "translation": "6b1558ff2270cb5441c5621dec2b8a08824f1795a2205821438323a0c13609bd",
        "translation-domains": "d448e7cf467f8fd5f67a49c5b7e06967e20f345a1cef951a56cb24205b2f9bf7",
        "mor2018-small": "bd2da1a397c2ddb28d4fa8d5f3bc5ddd31ab40091c5d1809a495ac8b8e956317",
        "mor2018-small-domains": "2187eb5700d3c1c25116475032a4b074c29c5cfa03ede3a55c539ffc502ba727",
    },
    "vqvae": {
        "vqvae": "bde3665e213748b1e0fbd7c356b4fe2580981846be4edb7adc696507e8e1b452",
        "vqvae-self-supervised": "f889d69c1356b515518cf5cbea5f9579be170bc789dfce49e51997d19fde0967",
    },
    "groove": {
        "groove": "92fad3e494d40a7a044af4086c1ff6df261429088e84d450bc96676b67159f55",
    },
    "melody": {
        "melody": "6c7bc2f4b7fdaf5852e1b282fc3a9e76409bea5ac14e3542f8eb85a09ae318ba",
        "pati2018": "3b81d123ec47056da9080e78a950b42b7512388dd644020913b90b6c16f47c0a",
    },
}

WEIGHTS = {
    name: Weights(f"{name}.onnx", sha256, "Apache-2.0", f"docs/models/{card}.md")
    for card, networks in _SHIPPED.items()
    for name, sha256 in networks.items()
}

NetworkCall = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
PartCall = Callable[..., list[npt.NDArray[Any]]]

METADATA_KEY = "cambiata"  # of an ONNX file's metadata: JSON of its configuration, licence, parts
_MAX_THREADS = 4  # of ONNX Runtime, however many cores there are; more were not measured
_BEYOND_BOUND = "smaller than requested bytes"  # ONNX Runtime's words
_DO_NOT_FIT = "its networks do not fit the system"
_CURE = "give a file of `cambiata train export`"
_MOST_BYTES = 512 * 2**20  # the largest that ships has ten million
# Of all arrays of networks of the user's own while they run: five times what the largest of ours
# takes for its longest stretch. More lets a hostile one take more of the machine.
_MOST_RUNNING_BYTES = 2 * 2**30
# Widths, rates, dilations: arrays are made of such sizes. Facts of the training may be larger.
_LARGEST_FACT = 1e7
_FACTS_OF_TRAINING = (
    "training",
    "n_parameters",
    "validation",
    "step",
    "elapsed_s",
    "data",
    "begun from",  # with the training's own deadline, in Unix time
)


def _read_shipped(file: str, sha256: str) -> bytes:
    """Bytes of a shipped file, verified."""
    try:
        data = files("cambiata").joinpath("shipped", file).read_bytes()
    except OSError as error:
        raise WeightsError(f"{file}: is not in the package; install cambiata again") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(f"{file}: is not the file that was shipped; install cambiata again")
    return data


def open_session(model: bytes | str, n_threads: int = 1, *, is_own: bool = False) -> Any:
    """ONNX Runtime's session of a model's bytes or file; the only place that imports the runtime.

    From 1.29 on ONNX Runtime sends usage data to its maker unless this variable is set before it
    is loaded; a user's own setting wins. What a stranger may have made (`is_own`: the user's own)
    gets a bounded amount of memory.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    disabled = []
    if is_own:
        _bound_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
        # Arrays that are computed as a network is loaded lie outside of that bound.
        disabled = ["ConstantFolding"]
    options.intra_op_num_threads = n_threads
    # Threads that wait by spinning would take the cores from what else is played at once.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # What the arena has taken for one long content it keeps: 400 MB, and is no faster for it.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4  # nothing: warnings are about a network, errors are raised too
    # Without falling back to the same provider once more, which it prints on standard output.
    return onnxruntime.InferenceSession(
        model,
        options,
        providers=["CPUExecutionProvider"],
        enable_fallback=0,
        disabled_optimizers=disabled,
    )


@lru_cache(maxsize=1)
def _bound_memory() -> None:
    """Tell ONNX Runtime, once, how much memory all sessions may take that use its allocator."""
    import onnxruntime as runtime

    arena, default = runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, runtime.OrtMemType.DEFAULT
    bound = {
        "max_mem": _MOST_RUNNING_BYTES,
        "arena_extend_strategy": 1,  # by as much as is asked for, not by powers of two
        "initial_chunk_size_bytes": -1,  # as it is
        "max_dead_bytes_per_chunk": -1,
    }
    memory = runtime.OrtMemoryInfo("Cpu", arena, 0, default)
    runtime.create_and_register_allocator(memory, runtime.OrtArenaCfg(bound))


def _run_options() -> Any:
    """Options of a run of the user's own networks, after which the bounded memory is given back."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    options.log_severity_level = 4
    return options


@lru_cache(maxsize=8)
def network(name: str) -> NetworkCall:
    """Shipped network of one input and one output, verified, on one thread."""
    entry = WEIGHTS[name]
    session = open_session(_read_shipped(entry.file, entry.sha256), 1)
    input_name = session.get_inputs()[0].name
    return lambda array: cast("npt.NDArray[np.float32]", session.run(None, {input_name: array})[0])


class Model:
    """Trained model in ONNX files: its facts (`about`), its hash and its networks.

    The metadata of the main file has the system, its configuration, licence and data, and names the
    other networks' files, which lie beside it, with their hashes: one hash vouches for all of them.
    """

    def __init__(self, main: bytes, read: Callable[[str, str], bytes], name: str = "model") -> None:
        self.name = name  # for messages
        self.sha256 = hashlib.sha256(main).hexdigest()
        self._is_own = name not in WEIGHTS
        n_threads = min(_MAX_THREADS, os.cpu_count() or 1)
        session = open_session(main, n_threads, is_own=self._is_own)
        metadata = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY, "{}")
        self.about: Mapping[str, Any] = self._facts(metadata)
        self._sessions = {"": session}
        for part, (file, sha256) in self.about.get("parts", {}).items():
            self._sessions[part] = open_session(read(file, sha256), n_threads, is_own=self._is_own)

    def part(self, name: str = "") -> PartCall:
        """One of its networks, as a function from input arrays in their order to output arrays.

        The function raises InputError where an output is NaN or infinite.
        """
        if name not in self._sessions:
            raise InputError(self.name, f"lacks its network {name}", _CURE)
        session = self._sessions[name]
        names = [tensor.name for tensor in session.get_inputs()]

        def call(*arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
            self.blame()
            options = _run_options() if self._is_own else None
            try:
                outputs = session.run(None, dict(zip(names, arrays, strict=True)), options)
            except Exception as error:  # ONNX Runtime has many
                if self._is_own and _BEYOND_BOUND in str(error):
                    problem = "its network asks for more memory than any of ours"
                    raise InputError(self.name, problem, _CURE) from error
                if _is_lack_of_memory(error):
                    raise MemoryError from error
                if not self._is_own:  # a fault of ours
                    raise
                problem = "its network takes other inputs"
                raise InputError(self.name, problem, _CURE) from error
            for output in outputs:
                if self._is_own and output.ndim == 0:  # it would fit any shape
                    raise InputError(self.name, _DO_NOT_FIT, _CURE)
                if output.dtype.kind == "f" and not np.isfinite(output).all():
                    problem = "its network gives NaN or infinite numbers"
                    raise InputError(self.name, problem, _CURE)
            return cast("list[npt.NDArray[Any]]", outputs)

        return call

    def blame(self) -> None:
        """Note that what fails next in this thread may be the fault of the user's own model."""
        if self._is_own:
            _blamed.name = self.name

    def _facts(self, metadata: str) -> Mapping[str, Any]:
        """Metadata, in which what is missing is refused by its name when it is looked up."""

        def checked(pairs: list[tuple[str, Any]]) -> "_Facts":
            return _Facts(pairs, self.name)

        facts = json.loads(metadata, object_pairs_hook=checked)
        if not isinstance(facts, dict):
            raise InputError(self.name, "is not a model", _CURE)
        for name, fact in facts.items():
            if name not in _FACTS_OF_TRAINING and not _is_moderate(fact):
                problem = f"its metadata has a {name} that no network has"
                raise InputError(self.name, problem, _CURE)
        return facts


class _Facts(dict[str, Any]):
    """Facts by their names; one that is missing is refused."""

    def __init__(self, pairs: list[tuple[str, Any]], model: str) -> None:
        super().__init__(pairs)
        self._model = model

    def __missing__(self, name: str) -> Any:
        raise InputError(self._model, f"its metadata lacks {name}", _CURE)


def _is_lack_of_memory(error: Exception) -> bool:
    """Whether an error of ONNX Runtime, which has no class for it, is one of memory."""
    return isinstance(error, MemoryError) or "alloc" in str(error).lower()


def _is_moderate(fact: Any) -> bool:
    """Whether all numbers of a fact are such as a network's sizes are."""
    if isinstance(fact, dict):
        return all(_is_moderate(each) for each in fact.values())
    if isinstance(fact, list):
        return all(_is_moderate(each) for each in fact)
    return not isinstance(fact, int | float) or abs(fact) <= _LARGEST_FACT


# Threads that want one model wait for the first to load it.
_LOADING = threading.Lock()
# Name of the user's own model that this thread has used last, within `weights_checked`.
_blamed = threading.local()


def load_model(name: str, system: str) -> Model:
    """Model of a system: one that ships, or one of the user's own by its path."""
    with _LOADING:
        model = _load_model(name, system)
    model.blame()
    return model


def forget_models() -> None:
    """Read files again that may have changed."""
    _load_model.cache_clear()


@lru_cache(maxsize=8)
def _load_model(name: str, system: str) -> Model:
    main, read = open_model(name)
    try:
        model = Model(main, read, name)
    except CambiataError:
        raise
    except Exception as error:  # ONNX Runtime has many
        if _is_lack_of_memory(error):
            raise MemoryError from error
        raise InputError(name, "is not a model", _CURE) from error
    if model.about.get("system") != system:
        raise InputError(name, f"is not of {system}", f"choose weights of {system}")
    return model


@contextmanager
def weights_checked() -> Iterator[None]:
    """Refuse a model of the user's own where what is done with its facts and outputs fails.

    What shape an output has to have only the code that uses it knows, in which NumPy raises one of
    these. Where no model of the user's own was used, the fault is ours and passes.
    """
    before, _blamed.name = getattr(_blamed, "name", ""), ""
    try:
        yield
    except CambiataError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        if not _blamed.name:
            raise
        raise InputError(_blamed.name, _DO_NOT_FIT, _CURE) from error
    finally:
        _blamed.name = _blamed.name or before


def open_model(name: str) -> tuple[bytes, Callable[[str, str], bytes]]:
    """Bytes of a model's main file, verified, and what reads its other files by name and hash."""
    if name in WEIGHTS:
        entry = WEIGHTS[name]
        return _read_shipped(entry.file, entry.sha256), _read_shipped
    path = Path(name)

    def read(file: str, sha256: str) -> bytes:
        place = path.parent / file
        if place.parent != path.parent or not place.is_file():
            raise InputError(name, f"lacks {file} beside it", "export it again")
        return _read_own(str(place), sha256)

    return _read_own(name), read


def _read_own(name: str, sha256: str = "") -> bytes:
    """Bytes of a model file that does not ship, of a hash if given; it may name no other file."""
    if not Path(name).exists():
        raise InputError(name, "cannot be read", _CURE)
    data = read_input(name, "a model (.onnx)", most_bytes=_MOST_BYTES)
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise InputError(name, "has changed", "export it again")
    try:
        is_alone, foreign = not names_other_files(data), foreign_part(data)
    except ValueError as error:
        raise InputError(name, "is not a model", _CURE) from error
    if not is_alone:
        raise InputError(name, "keeps weights in another file", "store them all in one .onnx file")
    if foreign:
        raise InputError(name, f"has {foreign}, as no network of ours has", _CURE)
    return data
