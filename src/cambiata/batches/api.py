"""Batches: one verb over many inputs, on this machine's cores or on a cluster."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cambiata.batches import places
from cambiata.batches.manifest import BatchItem, Manifest, open_manifest
from cambiata.batches.plan import Planned, left_to_do, plan_items
from cambiata.batches.verbs import Verb
from cambiata.batches.work import Outcome, work
from cambiata.engines.engine import EngineName, one_thread_each, opened
from cambiata.engines.failure import Failure
from cambiata.errors import CambiataError, InputError
from cambiata.keywords import checked_keywords
from cambiata.scratch import scratch_folder
from cambiata.system import Progress

__all__ = ["BatchItem", "BatchReport", "batch"]


@dataclass(frozen=True)
class BatchReport:
    """Report of `batch`.

    Parameters
    ----------
    verb : str
        The verb.
    n_items : int
        Number of items.
    n_done : int
        Number of those that are done, those of an earlier run among them.
    n_skipped : int
        Number of those that an earlier run had done.
    n_failed : int
        Number of those that failed.
    n_workers : int
        Number of workers.
    engine : str
        The engine that they ran on.
    elapsed_s : float
        Seconds from the beginning to the end.
    manifest : str or None
        Path of the manifest.
    items : tuple of BatchItem
        Every item, in order.

    Examples
    --------
    >>> from dataclasses import fields
    >>> fields(BatchReport)[0].name
    'verb'
    """

    verb: str
    n_items: int
    n_done: int
    n_skipped: int
    n_failed: int
    n_workers: int
    engine: str
    elapsed_s: float
    manifest: str | None
    items: tuple[BatchItem, ...]


@checked_keywords
def batch(
    verb: str,
    inputs: str | Path | Sequence[str | Path | Mapping[str, Any]],
    output: str | None = None,
    *,
    arguments: Mapping[str, Any] | Sequence[str] = (),
    n_workers: int | None = None,
    manifest: str | Path | None = None,
    engine: EngineName = "local",
    address: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    report: Callable[[BatchItem], None] | None = None,
) -> BatchReport:
    """Report of a verb of the command line that was run over many inputs.

    Each worker is a process that loads what it needs once. An item that fails costs no other. With
    a manifest, a run that was stopped goes on when it is called again, and what has changed since,
    an option or an input, is done again.

    Parameters
    ----------
    verb : str
        One that writes an output of an input: "transfer", "transcribe", "reverb apply", ...
    inputs : str, pathlib.Path or a sequence
        Values of the verb's first argument: files, folders, patterns like ``songs/**/*.wav``, URLs
        of any file system of fsspec. Or a .csv file, or mappings, with one item a row: columns are
        the verb's arguments and options by name, and `output`.
    output : str, optional
        What each item is written to: "out/{stem}-{style}.wav". Fields are stem, name, folder,
        suffix and index of the input, and every argument and option that is given, a file as its
        stem. Folders are made.
    arguments : mapping or sequence of str
        The verb's further arguments and options, by name or in words as the command line has them.
    n_workers : int, optional
        Number of workers; by default one a core.
    manifest : str or pathlib.Path, optional
        CSV file with a row an item, in the items' order; of one run at a time.
    engine : {"local", "ray"}
        What the workers run on: processes of this machine, or a Ray cluster.
    address : str, optional
        Address of a Ray cluster; by default one is started on this machine.
    force : bool
        Replace outputs that exist; those that the manifest knows to be its own always are.
    progress : callable, optional
        Called with the share of the items that are finished.
    report : callable, optional
        Called with each item as it is finished.

    Returns
    -------
    BatchReport
        What became of each item; one that failed has its message.

    Raises
    ------
    InputError
        The batch itself cannot be used; nothing has been written then.

    Examples
    --------
    >>> batch("transcribe", "nowhere/*.wav", "{stem}.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere/*.wav: matches no file; check the pattern
    """
    began = time.perf_counter()
    if n_workers is not None and n_workers < 1:
        raise InputError(f"n_workers {n_workers}", "is out of range", "use 1 or more")
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    planned = plan_items(Verb(verb), given, output, arguments, version("cambiata"))
    with open_manifest(manifest) as record:
        if record.place is not None:
            _check_manifest_apart(record.place, planned)
        todo = left_to_do(planned, record, force=force)
        places.check_buckets({places.folder_of(each.item.output) for each in todo})
        n_skipped = sum(item.status == "done" for item in record.items)
        for item in record.items:
            if report is not None and item.status == "failed":
                report(item)
        n_workers = _run(todo, record, n_workers, engine, address, progress, report)
        items = tuple(record.items)
    n_done = sum(item.status == "done" for item in items)
    return BatchReport(
        verb=verb,
        n_items=len(items),
        n_done=n_done,
        n_skipped=n_skipped,
        n_failed=len(items) - n_done,
        n_workers=n_workers,
        engine=engine,
        elapsed_s=time.perf_counter() - began,
        manifest=None if manifest is None else str(manifest),
        items=items,
    )


def _check_manifest_apart(place: Path, planned: Sequence[Planned]) -> None:
    """Refuse a manifest that is an input or an output."""
    own = places.identity(str(place))
    for each in planned:
        if own in map(places.identity, (*each.task.reads, *each.task.writes)):
            problem = f"is also an input or an output of {each.item.input}"
            raise InputError(str(place), problem, "choose another name for the manifest")


def _run(
    todo: Sequence[Planned],
    record: Manifest,
    n_workers: int | None,
    engine: EngineName,
    address: str | None,
    progress: Progress | None,
    report: Callable[[BatchItem], None] | None,
) -> int:
    """Work on what is left to do, and keep the record of it; the number of workers."""
    n_items = len(record.items)
    if not todo:
        record.save()
        return 0
    folders = dict.fromkeys(places.folder_of(each.item.output) for each in todo)
    with ExitStack() as stack:
        # With a thread each, results do not depend on the number of workers.
        stack.enter_context(one_thread_each())
        chosen = stack.enter_context(opened(engine, address))
        n_workers = min(n_workers or chosen.n_cores, len(todo))
        record.save()  # all that is to be done is pending, so that its outputs are known as ours
        stack.callback(record.save)  # whatever ends the run
        for folder in folders:
            stack.callback(_clean, folder)
        items = {each.task.index: each.item for each in todo}
        results = chosen.run_tasks(work, [each.task for each in todo], n_workers)
        stack.enter_context(closing(results))
        for n_left, (task, result) in enumerate(results, n_items - len(todo) + 1):
            item = _finished(items[task.index], result)
            record.put(item)
            record.save(now=False)
            if report is not None:
                report(item)
            if progress is not None:
                progress(n_left / n_items)
    return n_workers


def _finished(item: BatchItem, result: Outcome | Failure) -> BatchItem:
    """An item's row when its work has ended."""
    if isinstance(result, Failure):
        made = ""
        with suppress(CambiataError, OSError):  # written before its process died
            made = places.fingerprint(item.output)
        return replace(item, status="failed", message=result.message, output_sha256=made)
    return replace(
        item,
        status="done" if result.is_done else "failed",
        seconds=result.seconds,
        message=result.message,
        inputs=result.inputs,
        output_sha256=result.output_sha256,
    )


def _clean(folder: str) -> None:
    """Remove what workers that were killed have left in a folder."""
    with suppress(OSError, CambiataError):
        if places.is_remote(folder):
            places.remove_parts(folder)
        elif Path(folder).is_dir():
            with scratch_folder(Path(folder)):
                pass
