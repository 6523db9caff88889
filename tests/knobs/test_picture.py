"""Maps of sets."""

from tiny_sets import fitted

from cambiata.knobs.picture import draw


def test_the_map_shows_sounds_knobs_and_where_one_stands() -> None:
    found = fitted().fitted
    svg = draw(found, {}, "a set").svg()
    for name in (*found.sounds, *found.names, "a set"):
        assert f">{name}<" in svg
    moved = draw(found, {"brightness": 1.0}, "a set").svg()
    assert svg.count('fill="#c0392b"') == moved.count('fill="#c0392b"')
    assert svg != moved
    assert draw(found, {}, "a set").png()[:4] == b"\x89PNG"
