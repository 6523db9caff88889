"""Trained weights that ship inside the package: named, hashed, with licence and card."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from cambiata.errors import CambiataError, InputError


class WeightsError(CambiataError):
    """Weights are missing, or not those that were shipped."""


@dataclass(frozen=True)
class Weights:
    """What is known of shipped weights."""

    file: str  # ONNX file in the package's folder ``shipped``
    sha256: str  # Of that file
    licence: str  # Licence of the weights
    card: str  # Where in the repository its card lies


WEIGHTS = {
    "timbre-metric": Weights(
        "timbre-metric.onnx",
        "0a09a58897ea9448142797969336f869cb59ed2794bbaf081c38271b20cf6638",
        "Apache-2.0",
        "docs/models/timbre-metric.md",
    ),
    "listener": Weights(
        "listener.onnx",
        "2ba5b4a8684aad626cc58f48342b19341725e4cc0fa3f443cbbc25de1a897350",
        "Apache-2.0",
        "docs/models/oneshot.md",
    ),
    "oneshot": Weights(
        "oneshot.onnx",
        "cd75ae84537896b3462459d6539474137bce7329a21ffc6771d01aaed874c7b5",
        "Apache-2.0",
        "docs/models/oneshot.md",
    ),
    "transcriber": Weights(
        "transcriber.onnx",
        "870ef3e514386df69caa1151b91a0d33f02af2051a08b0381268c0a5e0e54172",
        "Apache-2.0",
        "docs/models/transcription.md",
    ),
    "player": Weights(
        "player.onnx",
        "37259273600f77e76b6e996c4f7fa8cc5c65aadeff0dddfbf392dae2205e3d6a",
        "Apache-2.0",
        "docs/models/play.md",
    ),
    "performancenet": Weights(
        "performancenet.onnx",
        "067489f272e210a11f4cb8060bd2573d7a57b70674fd59ab2e66126f4843bb05",
        "Apache-2.0",
        "docs/models/play.md",
    ),
    "wavenet": Weights(
        "wavenet.onnx",
        "3ea55a10c5aeb7cfb2e8916f22e4ea82c7ed30351f0770ae18317dbff40a7229",
        "Apache-2.0",
        "docs/models/play.md",
    ),
    "translation": Weights(
        "translation.onnx",
        "6b1558ff2270cb5441c5621dec2b8a08824f1795a2205821438323a0c13609bd",
        "Apache-2.0",
        "docs/models/translation.md",
    ),
    "translation-domains": Weights(
        "translation-domains.onnx",
        "d448e7cf467f8fd5f67a49c5b7e06967e20f345a1cef951a56cb24205b2f9bf7",
        "Apache-2.0",
        "docs/models/translation.md",
    ),
    "mor2018-small": Weights(
        "mor2018-small.onnx",
        "c9efdb0d2f73786e53ca777d6c84c8fb8d00c1c9f8aaa496ff8ceb91af965d10",
        "Apache-2.0",
        "docs/models/translation.md",
    ),
    "mor2018-small-domains": Weights(
        "mor2018-small-domains.onnx",
        "fb5b9f4cad9cc43c37cf4739ba4487b672f17661d9896c00c3f6dc683578c107",
        "Apache-2.0",
        "docs/models/translation.md",
    ),
    "vqvae": Weights(
        "vqvae.onnx",
        "eb18b7e5df688a1c901b71ae4449c7757894d976bae960de5a5a755368d9de2f",
        "Apache-2.0",
        "docs/models/vqvae.md",
    ),
    "vqvae-self-supervised": Weights(
        "vqvae-self-supervised.onnx",
        "f889d69c1356b515518cf5cbea5f9579be170bc789dfce49e51997d19fde0967",
        "Apache-2.0",
        "docs/models/vqvae.md",
    ),
    "groove": Weights(
        "groove.onnx",
        "92fad3e494d40a7a044af4086c1ff6df261429088e84d450bc96676b67159f55",
        "Apache-2.0",
        "docs/models/groove.md",
    ),
    "melody": Weights(
        "melody.onnx",
        "076180888bcc7980f59028bdce2f49277350737a5739b7bee7dff8f0cf4c6c74",
        "Apache-2.0",
        "docs/models/melody.md",
    ),
    "pati2018": Weights(
        "pati2018.onnx",
        "6da582c9d8139ae8b2d8a0fe61a00c2ffe17ccf69e8930bb59547306cd943925",
        "Apache-2.0",
        "docs/models/melody.md",
    ),
}

NetworkCall = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
PartCall = Callable[..., list[npt.NDArray[Any]]]

METADATA_KEY = "cambiata"
_MAX_THREADS = 4
_CURE = "give a file of `cambiata train export`"


def _read_shipped(file: str, sha256: str) -> bytes:
    """A shipped file's bytes, verified."""
    try:
        data = files("cambiata").joinpath("shipped", file).read_bytes()
    except OSError as error:
        raise WeightsError(f"{file}: is not in the package; install cambiata again") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(f"{file}: is not the file that was shipped; install cambiata again")
    return data


def _open_session(data: bytes, n_threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


@lru_cache(maxsize=8)
def network(name: str) -> NetworkCall:
    """A shipped network of one input and one output, verified, on one thread."""
    entry = WEIGHTS[name]
    session = _open_session(_read_shipped(entry.file, entry.sha256), 1)
    input_name = session.get_inputs()[0].name
    return lambda array: cast("npt.NDArray[np.float32]", session.run(None, {input_name: array})[0])


class Model:
    """A trained model in ONNX files: what it is, and its networks.

    The main file tells of itself in its metadata (system, configuration, licence, data) and names
    the other networks' files, which lie beside it, with their hashes; so that one hash vouches for
    all of them.
    """

    def __init__(self, main: bytes, read: Callable[[str, str], bytes]) -> None:
        self.sha256 = hashlib.sha256(main).hexdigest()
        n_threads = min(_MAX_THREADS, os.cpu_count() or 1)
        session = _open_session(main, n_threads)
        metadata = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY, "{}")
        self.about: Mapping[str, Any] = json.loads(metadata)
        self._sessions = {"": session}
        for part, (file, sha256) in self.about.get("parts", {}).items():
            self._sessions[part] = _open_session(read(file, sha256), n_threads)

    def part(self, name: str = "") -> PartCall:
        """One of its networks."""
        session = self._sessions[name]
        names = [tensor.name for tensor in session.get_inputs()]
        return lambda *arrays: cast(
            "list[npt.NDArray[Any]]", session.run(None, dict(zip(names, arrays, strict=True)))
        )


@lru_cache(maxsize=8)
def load_model(name: str, system: str) -> Model:
    """A trained model: one that ships, or one of the user's own."""
    main, read = open_model(name)
    try:
        model = Model(main, read)
    except CambiataError:
        raise
    except Exception as error:  # ONNX Runtime has many
        raise InputError(name, "is no model", _CURE) from error
    if model.about.get("system") != system:
        raise InputError(name, f"is not of {system}", f"choose weights of {system}")
    return model


def open_model(name: str) -> tuple[bytes, Callable[[str, str], bytes]]:
    """A model's files, verified: the main one, and what reads the others."""
    if name in WEIGHTS:
        entry = WEIGHTS[name]
        return _read_shipped(entry.file, entry.sha256), _read_shipped
    path = Path(name)

    def read(file: str, sha256: str) -> bytes:
        try:
            data = (path.parent / file).read_bytes()
        except OSError as error:
            raise InputError(name, f"lacks {file} beside it", "export it again") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise InputError(str(path.parent / file), "has changed", "export it again")
        return data

    try:
        return path.read_bytes(), read
    except OSError as error:
        raise InputError(name, "cannot be read", _CURE) from error
