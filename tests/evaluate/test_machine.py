"""The machine's name, as it stands in every table."""

import os
import re

from cambiata.evaluate.machine import describe_machine


def test_the_cores_are_counted() -> None:
    assert re.fullmatch(rf".+, {os.cpu_count()} cores", describe_machine())
