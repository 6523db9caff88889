"""Warnings point to the caller's own line."""

import warnings

from cambiata.aliases import current_name


def test_a_warning_points_to_the_line_of_the_caller() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        current_name("setting", "least_wish")
    assert [warning.filename for warning in caught] == [__file__]
