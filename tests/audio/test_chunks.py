from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambiata.audio.chunks import crossfade, cut, join, process_chunks, splice, split

_SIZES = {"n": st.integers(1, 500), "chunk": st.integers(2, 80), "data": st.data()}


def _blocks(sound: np.ndarray, sizes: list[int]):
    at = 0
    for size in sizes:
        yield sound[:, at : at + size]
        at += size
    yield sound[:, at:]


@given(**_SIZES)
def test_chunks_cover_a_sound_in_order(n: int, chunk: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, chunk // 3))
    spans = split(n, chunk, overlap)
    assert spans[0][0] == 0
    assert spans[-1][1] == n
    for (start, stop), (following, _) in pairwise(spans):
        assert stop - following == overlap
        assert start < following
    lengths = [stop - start for start, stop in spans]
    assert max(lengths) <= chunk
    assert max(lengths) - min(lengths) <= 1 or len(spans) == 1


@given(**_SIZES)
def test_identity_in_is_identity_out(n: int, chunk: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, chunk // 3))
    sizes = data.draw(st.lists(st.integers(1, 90), max_size=8))
    sound = np.random.default_rng(n).normal(size=(2, n)).astype(np.float32)
    same = process_chunks(
        _blocks(sound, sizes),
        n,
        lambda part, _at: part,
        chunk_samples=chunk,
        overlap_samples=overlap,
        n_at_once=data.draw(st.integers(1, 2)),
    )
    assert np.array_equal(np.concatenate(list(same), axis=1), sound)


def test_each_chunk_is_told_where_it_starts() -> None:
    sound = np.arange(100, dtype=np.float32)[None]
    seen = []

    def process(part: np.ndarray, at: int) -> np.ndarray:
        seen.append(np.array_equal(part[0], np.arange(at, at + part.shape[1])))
        return part

    list(process_chunks(iter([sound]), 100, process, chunk_samples=30, overlap_samples=5))
    assert len(seen) > 3
    assert all(seen)


def test_cut_holds_no_more_than_a_chunk_needs() -> None:
    read = 0

    def blocks():
        nonlocal read
        for _ in range(100):
            read += 10
            yield np.zeros((1, 10), np.float32)

    chunks = cut(blocks(), split(1000, 50, 10))
    for i, _ in enumerate(chunks, 1):
        assert read <= 40 * i + 10 + 10


def test_crossfade_goes_monotonically_from_one_to_the_other() -> None:
    faded = crossfade(np.zeros((1, 50), np.float32), np.ones((1, 50), np.float32))[0]
    assert (np.diff(faded) > 0).all()
    assert faded[0] < 0.01
    assert faded[-1] > 0.99
    np.testing.assert_allclose(faded + faded[::-1], 1, atol=1e-6)


@pytest.mark.parametrize("likeness", [0.0, 0.5, 1.0])
def test_a_crossfade_keeps_the_level_however_alike_the_sounds_are(likeness: float) -> None:
    rng = np.random.default_rng(0)
    a, other = rng.normal(size=(2, 1, 20000)).astype(np.float32)
    b = likeness * a + np.sqrt(1 - likeness**2) * other
    faded = crossfade(a, b.astype(np.float32))[0].reshape(20, -1)
    levels_db = 10 * np.log10(np.square(faded).mean(axis=1))
    assert np.abs(levels_db).max() < 0.6  # chance alone moves a thousand samples' level by 0.2 dB


def test_join_crossfades_where_chunks_overlap() -> None:
    spans = [(0, 10), (6, 16)]
    chunks = iter([np.zeros((1, 10), np.float32), np.ones((1, 10), np.float32)])
    out = np.concatenate(list(join(chunks, spans)), axis=1)[0]
    assert out.shape == (16,)
    assert (out[:6] == 0).all()
    assert (out[10:] == 1).all()
    assert (np.diff(out[5:11]) > 0).all()


@given(st.integers(0, 40), st.integers(1, 60), st.lists(st.integers(1, 30), max_size=5))
def test_splice_replaces_the_region_and_nothing_else(
    start: int, length: int, sizes: list[int]
) -> None:
    n = 100
    stop = start + length
    sound = np.random.default_rng(start).normal(size=(2, n)).astype(np.float32)
    new = np.full((2, length), 7, np.float32)
    parts = list(splice(_blocks(sound, sizes), n, _blocks(new, sizes), start, stop, fade_samples=4))
    out = np.concatenate(parts, axis=1)
    assert np.array_equal(out[:, :start], sound[:, :start])
    assert np.array_equal(out[:, stop:], sound[:, stop:])
    fade = min(4, length // 2)
    assert (out[:, start + fade : stop - fade] == 7).all()
    if start == 0:
        assert (out[:, : max(length - fade, 0)] == 7).all()
    if stop == n:
        assert (out[:, start + fade :] == 7).all()


def test_splicing_a_sound_into_itself_changes_nothing() -> None:
    sound = np.random.default_rng(0).normal(size=(1, 100)).astype(np.float32)
    parts = splice(iter([sound]), 100, iter([sound[:, 20:80]]), 20, 80, fade_samples=10)
    assert np.array_equal(np.concatenate(list(parts), axis=1), sound)


def test_overlaps_longer_than_a_third_of_a_chunk_are_a_programming_error() -> None:
    with pytest.raises(ValueError, match="three times as long as their overlap"):
        split(100, 10, 4)
