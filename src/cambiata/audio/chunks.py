"""Long inputs: split into overlapping chunks, crossfade, join; identity in is identity out."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from cambiata.arrays import Samples

Span = tuple[int, int]
"""First sample of a chunk, and the one after its last."""


def split(n_samples: int, chunk_samples: int, overlap_samples: int) -> list[Span]:
    """Overlapping chunks of nearly equal length that together cover a sound.

    Equal lengths, rather than full chunks and a remainder, so that no chunk is too short to be
    worth converting.

    Parameters
    ----------
    n_samples : int
        Length of the sound.
    chunk_samples : int
        Longest chunk allowed.
    overlap_samples : int
        Samples that neighbours share; at most a third of a chunk, so that no three overlap.

    Returns
    -------
    list of tuple of int
        Start and stop of each chunk.

    Examples
    --------
    >>> split(100, 40, 10)
    [(0, 40), (30, 70), (60, 100)]
    >>> split(30, 40, 10)
    [(0, 30)]
    """
    if not 0 <= 3 * overlap_samples <= chunk_samples:
        raise ValueError("chunks must be at least three times as long as their overlap")
    if n_samples <= chunk_samples:
        return [(0, n_samples)]
    step = chunk_samples - overlap_samples
    n_chunks = -(-(n_samples - overlap_samples) // step)
    starts = [i * (n_samples - overlap_samples) // n_chunks for i in range(n_chunks + 1)]
    return [(start, following + overlap_samples) for start, following in pairwise(starts)]


def split_with_context(
    n_samples: int, chunk_samples: int, context_samples: int
) -> list[tuple[int, Span]]:
    """Chunks one after another, each with what lies around it, for what needs no crossfade.

    Parameters
    ----------
    n_samples : int
        Length of the sound.
    chunk_samples : int
        Length of a chunk without its context; the last is what is left.
    context_samples : int
        Samples around a chunk that are looked at, too; where they reach the end, so does the chunk.

    Returns
    -------
    list of tuple
        Start of each chunk's own part, and its span with the context.

    Examples
    --------
    >>> split_with_context(100, 40, 10)
    [(0, (0, 50)), (40, (30, 90)), (80, (70, 100))]
    >>> split_with_context(85, 40, 10)
    [(0, (0, 50)), (40, (30, 85))]
    """
    chunks: list[tuple[int, Span]] = []
    for start in range(0, n_samples, chunk_samples):
        last = min(n_samples, start + chunk_samples + context_samples)
        chunks.append((start, (max(0, start - context_samples), last)))
        if last == n_samples:
            break
    return chunks


def cut(blocks: Iterator[Samples], spans: list[Span]) -> Iterator[Samples]:
    """Chunks of a sound that arrives in blocks, holding no more of it than one chunk needs.

    Parameters
    ----------
    blocks : iterator of numpy.ndarray
        Sound [C, T] each.
    spans : list of tuple of int
        Chunks in order of their starts, as `split` gives them.

    Yields
    ------
    numpy.ndarray
        Sound [C, stop - start] of each span.

    Examples
    --------
    >>> blocks = iter([np.arange(6)[None], np.arange(6, 10)[None]])
    >>> [chunk.tolist() for chunk in cut(blocks, [(0, 4), (3, 10)])]
    [[[0, 1, 2, 3]], [[3, 4, 5, 6, 7, 8, 9]]]
    """
    buffer = next(blocks)
    first = 0  # the sample of the sound that held[:, 0] is
    for start, stop in spans:
        buffer, first = buffer[:, start - first :], start
        pieces = [buffer]
        n_buffered = buffer.shape[1]
        while n_buffered < stop - first:
            pieces.append(next(blocks))
            n_buffered += pieces[-1].shape[1]
        buffer = np.concatenate(pieces, axis=1) if len(pieces) > 1 else buffer
        yield buffer[:, : stop - first]


def crossfade(before: Samples, after: Samples) -> Samples:
    """Sound that turns into another along half a cosine, at an even level.

    The two gains add up to one, so that equal sounds stay exactly what they are. Two sounds of
    the same notes with other phases would dip in between, by up to 3 dB: the mixture is raised by
    as much as their correlation over the crossfade, channel by channel, says that it dips.

    Parameters
    ----------
    before : numpy.ndarray
        Sound [C, T] to begin with.
    after : numpy.ndarray
        Sound [C, T] to end with.

    Returns
    -------
    numpy.ndarray
        Sound [C, T].

    Examples
    --------
    >>> crossfade(np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)).tolist()
    [[0.5]]
    """
    gain = _ramp(before.shape[-1])[:-1]
    mixed: Samples = before + gain * (after - before)
    for i, (a, b) in enumerate(zip(before, after, strict=True)):
        energies = float(np.dot(a, a)), float(np.dot(b, b))
        if min(energies) == 0 or np.array_equal(a, b):
            continue
        correlation = float(np.dot(a, b)) / np.sqrt(energies[0] * energies[1])
        power = 1 - 2 * gain * (1 - gain) * (1 - np.clip(correlation, 0, 1))
        mixed[i] /= np.sqrt(power).astype(np.float32)
    return mixed


def join(chunks: Iterator[Samples], spans: list[Span]) -> Iterator[Samples]:
    """Sound of overlapping chunks, crossfaded where they overlap.

    Parameters
    ----------
    chunks : iterator of numpy.ndarray
        Sound [C, stop - start] for each span.
    spans : list of tuple of int
        Where each belongs.

    Yields
    ------
    numpy.ndarray
        Sound [C, T]; together as long as the last stop.

    Examples
    --------
    >>> spans = [(0, 4), (2, 6)]
    >>> chunks = iter([np.ones((1, 4), np.float32), np.ones((1, 4), np.float32)])
    >>> np.concatenate(list(join(chunks, spans)), axis=1).tolist()
    [[1.0, 1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    tail: Samples | None = None
    for i, (chunk, (start, stop)) in enumerate(zip(chunks, spans, strict=True)):
        body = chunk
        if tail is not None:
            n_shared = tail.shape[1]
            yield crossfade(tail, chunk[:, :n_shared])
            body = chunk[:, n_shared:]
        n_body = (spans[i + 1][0] if i + 1 < len(spans) else stop) - start
        n_body -= chunk.shape[1] - body.shape[1]
        yield body[:, :n_body]
        tail = body[:, n_body:]


def process_chunks(
    blocks: Iterator[Samples],
    n_samples: int,
    process: Callable[[Samples, int], Samples],
    *,
    chunk_samples: int,
    overlap_samples: int,
    n_at_once: int = 1,
) -> Iterator[Samples]:
    """Long sound processed chunk by chunk.

    Parameters
    ----------
    blocks : iterator of numpy.ndarray
        Sound [C, T] each.
    n_samples : int
        Their length together.
    process : callable
        Takes a chunk [C, T] and the sample it starts at; returns a chunk of the same length.
    chunk_samples : int
        Longest chunk.
    overlap_samples : int
        Samples over which neighbours are crossfaded.
    n_at_once : int
        Chunks that are processed at once, each in a thread of its own.

    Yields
    ------
    numpy.ndarray
        Sound [C, T]; together `n_samples` long.

    Examples
    --------
    >>> sound = np.random.default_rng(0).normal(size=(2, 1000)).astype(np.float32)
    >>> same = process_chunks(iter([sound]), 1000, lambda chunk, at: chunk,
    ...                chunk_samples=300, overlap_samples=50)
    >>> bool((np.concatenate(list(same), axis=1) == sound).all())
    True
    """
    spans = split(n_samples, chunk_samples, overlap_samples)
    starts = (start for start, _ in spans)
    chunks = zip(cut(blocks, spans), starts, strict=True)
    n_at_once = min(n_at_once, len(spans))
    if n_at_once > 1:
        yield from join(_in_threads(process, chunks, n_at_once), spans)
    else:
        yield from join((process(chunk, start) for chunk, start in chunks), spans)


def _in_threads(
    process: Callable[[Samples, int], Samples],
    chunks: Iterator[tuple[Samples, int]],
    n_at_once: int,
) -> Iterator[Samples]:
    """Processed chunks in their order; no more than `n_at_once` are held."""
    pool = ThreadPoolExecutor(n_at_once)
    running: deque[Future[Samples]] = deque()
    try:
        for chunk, start in chunks:
            running.append(pool.submit(process, chunk, start))
            if len(running) == n_at_once:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        # Who is interrupted does not wait for what still runs.
        pool.shutdown(wait=False, cancel_futures=True)


def splice(
    blocks: Iterator[Samples],
    n_samples: int,
    insert: Iterator[Samples],
    start: int,
    stop: int,
    *,
    fade_samples: int,
) -> Iterator[Samples]:
    """Sound with a region replaced, crossfaded just inside the region's two borders.

    Parameters
    ----------
    blocks : iterator of numpy.ndarray
        The whole sound, [C, T] each.
    n_samples : int
        Its length.
    insert : iterator of numpy.ndarray
        The region's new sound, [C, T] each, together `stop - start` long.
    start : int
        First sample to replace.
    stop : int
        The sample after the last to replace.
    fade_samples : int
        Length of the crossfades; shortened where the region is shorter than two of them. A
        border at the very beginning or end of the sound needs none and gets none.

    Yields
    ------
    numpy.ndarray
        Sound [C, T]; together as long as the whole.

    Examples
    --------
    >>> whole, new = np.zeros((1, 8), np.float32), np.ones((1, 4), np.float32)
    >>> parts = splice(iter([whole]), 8, iter([new]), 2, 6, fade_samples=1)
    >>> np.concatenate(list(parts), axis=1).tolist()
    [[0.0, 0.0, 0.5, 1.0, 1.0, 0.5, 0.0, 0.0]]
    """
    fade = min(fade_samples, (stop - start) // 2)
    gain = _ramp(fade)
    pending = np.zeros((0, 0), np.float32)
    at = 0
    for block in blocks:
        out = block
        first, last = max(start - at, 0), min(stop - at, block.shape[1])
        if first < last:
            while pending.shape[1] < last - first:
                more = next(insert)
                pending = np.concatenate([pending, more], axis=1) if pending.size else more
            new, pending = pending[:, : last - first], pending[:, last - first :]
            where = np.arange(at + first, at + last)
            wet = np.ones(len(where), np.float32)
            if start > 0:
                wet = np.minimum(wet, gain[np.minimum(where - start, fade)])
            if stop < n_samples:
                wet = np.minimum(wet, gain[np.minimum(stop - 1 - where, fade)])
            old = block[:, first:last]
            mixed = np.where(wet == 1, new, old + wet * (new - old))
            out = np.concatenate([block[:, :first], mixed, block[:, last:]], axis=1)
        at += block.shape[1]
        yield out


def _ramp(n: int) -> Samples:
    """Crossfade gains of n samples, and the 1 that follows them."""
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(1, n + 2) / (n + 1))).astype(np.float32)
