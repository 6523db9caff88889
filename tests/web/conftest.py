"""A studio whose jobs stay in the queue."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Client of a studio without processes for jobs."""
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    from starlette.testclient import TestClient
    from studio_sounds import LIMITS

    from cambiata.web.app import create_app

    folder = tmp_path_factory.mktemp("still")
    app = create_app(folder, limits=LIMITS, n_workers=0, examples=False)
    with TestClient(app, base_url="http://127.0.0.1:8321") as client:
        yield client
