"""Jobs: queued in the database, done by worker processes, one thread waiting for each of these."""

import os
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cambiata.web.changes import Changes
from cambiata.web.lanes import Worker
from cambiata.web.limits import Limits
from cambiata.web.plans import Plan, Planner
from cambiata.web.refusals import Refusal, error_words, unknown
from cambiata.web.sounds import sound_answer, timbre_answer
from cambiata.web.store import Kind, Row, Store, new_id
from cambiata.web.verb import Tool
from cambiata.web.verbs import VERBS

ACTIVE = ("queued", "running")
_MOST_ATTEMPTS = 2  # a job during which the server ended twice may be what ended it
_HOUSEKEEPING_S = 20.0
_RESTARTED = "the studio was restarted: begun again"


class Jobs:
    """All jobs, and the processes that do them."""

    def __init__(
        self, store: Store, limits: Limits, changes: Changes, n_workers: int, *, warm: bool = True
    ) -> None:
        self._store, self._limits, self._changes = store, limits, changes
        self._planner = Planner(store, limits)
        self._workers = [Worker("jobs" if warm else "cold") for _ in range(n_workers)]
        self._progress: dict[str, float] = {}  # of running jobs: not worth a write each time
        self._cancelled: set[str] = set()
        self._wake = threading.Condition()
        self._idle: set[int] = set()  # threads that wait for a job
        self._is_closing = False
        self._threads = [
            threading.Thread(target=self._serve, args=(i,), name=f"jobs-{i}", daemon=True)
            for i in range(n_workers)
        ]

    @property
    def n_workers(self) -> int:
        """How many jobs are done at once."""
        return len(self._workers)

    def start(self) -> None:
        """Take up what a server before this one left, and begin."""
        for job in self._store.rows("job", state="running", oldest_first=True):
            if job["attempts"] < _MOST_ATTEMPTS:
                warnings = [*job["warnings"], _RESTARTED]
                self._store.update("job", job["id"], state="queued", warnings=warnings)
            else:
                words = error_words(job["verb"], "was interrupted twice", "start it again")
                self._end(job["id"], "failed", error=words)
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop; what is running is begun again by the next server."""
        with self._wake:
            self._is_closing = True
            self._wake.notify_all()
        for worker in self._workers:
            worker.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(5)

    def submit(self, verb_name: str, request: Mapping[str, Any]) -> Row:
        """A new job, queued; refused where there are too many, or where it cannot be done."""
        verb = VERBS[verb_name]
        plan = self._planner.plan(verb, request)
        with self._wake:
            n_queued = self._store.count("job", state="queued")
            if n_queued >= self._limits.queued_jobs:
                raise Refusal(
                    429,
                    "the queue",
                    f"holds {n_queued} jobs",
                    "try again soon",
                    {"Retry-After": "5"},
                )
            facts: dict[str, Any] = {
                "request": dict(request),
                "plan": asdict(plan),
                "warnings": [],
                "error": None,
                "result": None,
                "attempts": 0,
                "started_at": None,
                "finished_at": None,
            }
            job = self._store.add("job", facts, verb=verb_name, state="queued")
            self._wake.notify_all()
        self._changes.publish(job["id"])
        return job

    def find(self, identity: str) -> Row:
        """A job, or a refusal."""
        job = self._store.get("job", identity)
        if job is None:
            raise unknown("job", identity)
        return job

    def cancel(self, identity: str) -> Row:
        """Cancel a job: a queued one at once, a running one as soon as it notices."""
        with self._wake:
            job = self.find(identity)
            if job["state"] not in ACTIVE:
                raise Refusal(409, f"job {identity}", f"is {job['state']}", "nothing to cancel")
            if job["state"] == "queued":
                self._end(identity, "cancelled")
            else:
                self._cancelled.add(identity)
        return self.find(identity)

    def delete(self, identity: str) -> None:
        """Forget a job and what it made, but for sounds that are kept."""
        job = self.find(identity)
        if job["state"] in ACTIVE:
            self.cancel(identity)
        for sound in _result_sounds(job):
            row = self._store.get("sound", sound)
            if row is not None and not row["kept"] and not self.needs(sound):
                self._store.delete("sound", sound)
        self._store.delete("job", identity)
        self._changes.publish(identity)

    def needs(self, identity: str) -> bool:
        """Whether a job that is not finished works with a sound or a timbre."""
        active = (job for state in ACTIVE for job in self._store.rows("job", state=state))
        return any(identity in job["plan"]["files"] for job in active)

    def file(self, identity: str, role: str) -> tuple[Path, str]:
        """A file that a job made, and its name; or a refusal."""
        result = self.find(identity)["result"] or {}
        facts = result.get("files", {}).get(role)
        if facts is None:
            raise unknown(f"file of {identity}", role)
        suffix = Path(facts["name"]).suffix
        return self._store.file_folder("job", identity) / f"{role}{suffix}", facts["name"]

    def answer(self, job: Row) -> dict[str, Any]:
        """A job as the interface gives it."""
        state, plan, result = job["state"], job["plan"], job["result"]
        progress = self._progress.get(job["id"], 0.0) if state in ACTIVE else float(state == "done")
        started_at, finished_at = job["started_at"], job["finished_at"]
        # A clock may have been set back.
        ended_at = finished_at or time.time()
        elapsed_s = None if started_at is None else max(0.0, ended_at - started_at)
        return {
            "id": job["id"],
            "verb": job["verb"],
            "state": state,
            "progress": progress,
            "position": self._store.count_before(job) if state == "queued" else None,
            "request": job["request"],
            "inputs": plan["inputs"],
            "command": plan["command"],
            "warnings": job["warnings"],
            "error": job["error"],
            "result": None if result is None else self._result_answer(result),
            "created_at": job["created_at"],
            "started_at": started_at,
            "finished_at": finished_at,
            "elapsed_s": elapsed_s,
            "expires_at": job["expires_at"],
        }

    def _result_answer(self, result: Row) -> dict[str, Any]:
        rows = {role: self._store.get("sound", each) for role, each in result["sounds"].items()}
        timbre = result["timbre"] and self._store.get("timbre", result["timbre"])
        return {
            "report": result["report"],
            "sounds": {role: sound_answer(row) for role, row in rows.items() if row is not None},
            "files": result.get("files", {}),
            "timbre": timbre_answer(timbre) if timbre else None,
            "breaches": result["breaches"],
        }

    def brief(self, job: Row) -> dict[str, Any]:
        """What a stream of events says of a job that changes."""
        answer = self.answer({**job, "result": None})
        return {name: answer[name] for name in ("id", "verb", "state", "progress", "position")}

    # In the threads of the workers.

    def _serve(self, number: int) -> None:
        """Do one job after the other."""
        worker = self._workers[number]
        if number == 0:
            worker.start()  # the others when there is more to do at once
        while not self._is_closing:
            job = self._take(number)
            if job is None:
                worker.rest(fresh=number == 0)
                continue
            try:
                self._do(job, worker)
            except Exception as error:  # the disk is full, or the database is gone
                words = error_words(job["verb"], f"failed: {error}", "try again")
                self._end(job["id"], "failed", error=words)

    def _take(self, number: int) -> Row | None:
        """The next job, now running; None where there is none for a while."""
        with self._wake:
            self._idle.add(number)
            self._wake.wait_for(lambda: self._next(number) or self._is_closing, _HOUSEKEEPING_S)
            self._idle.discard(number)
            queued = self._next(number)
            if not queued or self._is_closing:
                return None
            identity, attempts = queued[0]["id"], queued[0]["attempts"] + 1
            self._progress[identity] = 0.0
            job = self._store.update(
                "job", identity, state="running", started_at=time.time(), attempts=attempts
            )
        self._changes.publish(identity)
        return job

    def _next(self, number: int) -> list[Row]:
        """The next job, where there is one for this thread.

        Idle threads before it go first: the first one's process is warm, whereas others' may not
        even run.
        """
        n_before = sum(each < number for each in self._idle)
        queued = self._store.rows("job", state="queued", oldest_first=True, limit=n_before + 1)
        return queued[:1] if len(queued) > n_before else []

    def _do(self, job: Row, worker: Worker) -> None:
        identity, plan = job["id"], Plan(**job["plan"])
        warnings: list[str] = list(job["warnings"])

        def tell(kind: str, value: Any) -> None:
            if kind == "warning":
                warnings.append(value)
            else:
                self._progress[identity] = min(max(float(value), 0.0), 1.0)
                self._changes.publish(identity)

        with self._store.scratch() as folder:
            try:
                self._lay_out(plan, folder)
            except FileNotFoundError:
                words = error_words(job["verb"], "an input is gone", "upload it again")
                self._end(identity, "failed", error=words)
                return
            task = {
                "do": "tool" if isinstance(VERBS[job["verb"]], Tool) else "verb",
                "verb": job["verb"],
                "folder": str(folder),
                "inputs": plan.given,
                "options": plan.options,
                "output": plan.output,
                "midi": plan.midi,
                "to": job["request"].get("to"),
                "limits": asdict(self._limits),
            }
            kind, value = worker.run(task, tell, lambda: identity in self._cancelled)
            if self._is_closing and kind != "done":
                return  # it stays "running", and is begun again by the next server
            if identity in self._cancelled:
                kind = "cancelled"
            result = self._keep(job, plan, value, folder) if kind == "done" else None
        self._finish(job, kind, value, result, warnings)

    def _finish(
        self, job: Row, kind: str, value: Any, result: Row | None, warnings: list[str]
    ) -> None:
        identity = job["id"]
        if kind == "done":
            self._end(identity, "done", result=result, warnings=warnings)
        elif kind == "cancelled":
            self._end(identity, "cancelled", warnings=warnings)
        else:
            words = error_words(*value[:3]) if kind == "refused" else _failure(job["verb"], value)
            self._end(identity, "failed", error=words, warnings=warnings)

    def _end(self, identity: str, state: str, **changes: Any) -> None:
        now = time.time()
        changes |= {"finished_at": now, "expires_at": now + self._limits.expire_after_s}
        self._store.update("job", identity, state=state, **changes)
        self._cancelled.discard(identity)
        self._progress.pop(identity, None)
        self._changes.publish(identity)

    def _lay_out(self, plan: Plan, folder: Path) -> None:
        """Put the inputs into the job's folder, under the names that people know."""
        for identity, name in plan.files.items():
            source = self._source(identity)
            try:
                os.link(source, folder / name)  # costs nothing; the API changes no input
            except OSError:  # a file system without links
                shutil.copyfile(source, folder / name)

    def _source(self, identity: str) -> Path:
        """File of a sound, a timbre, or what a job made."""
        kind: Kind = {"tim": "timbre", "job": "job"}.get(identity[:3], "sound")  # type: ignore[assignment]
        row = self._store.get(kind, identity)
        if row is None:
            raise FileNotFoundError(identity)
        if kind == "job":
            return self.file(identity, "output")[0]
        return self._store.file_folder(kind, identity) / str(row["file"])

    def _keep(self, job: Row, plan: Plan, done: dict[str, Any], folder: Path) -> Row:
        """Result of a job, its files moved to where sounds and timbres lie."""
        sounds = {}
        for role, facts in done["sounds"].items():
            facts = dict(facts)
            path, views = folder / facts.pop("path"), folder / facts.pop("views")
            identity = new_id("sound")
            columns = {
                "bytes": facts.pop("bytes"),
                "kind": facts.pop("kind"),
                "origin": "job",
                "expires_at": time.time() + self._limits.expire_after_s,
            }
            facts |= {
                "name": path.name,
                "extension": path.suffix,
                "file": f"sound{path.suffix}",
                "job": job["id"],
                "warnings": [],
                "kept": False,
            }
            self._move("sound", path, identity, facts["file"])
            for view in views.iterdir():
                view.replace(self._store.file_folder("sound", identity) / view.name)
            self._store.add("sound", facts, id=identity, **columns)
            sounds[role] = identity
        timbre = None
        if "timbre" in done:
            path, timbre = folder / plan.output, new_id("timbre")
            name = job["request"].get("name", path.stem)
            facts = {**done["timbre"], "name": name, "file": "sound.timbre"}
            size = path.stat().st_size
            self._move("timbre", path, timbre, facts["file"])
            self._store.add("timbre", facts, id=timbre, bytes=size)
        files = {}
        for role, name in done.get("files", {}).items():
            path = folder / name
            files[role] = {"name": name, "bytes": path.stat().st_size}
            self._move("job", path, job["id"], f"{role}{path.suffix}")
        if files:
            size = sum(each["bytes"] for each in files.values())
            self._store.update("job", job["id"], bytes=size)
        return {
            "report": done["report"],
            "sounds": sounds,
            "files": files,
            "timbre": timbre,
            "breaches": done["breaches"],
        }

    def _move(self, kind: Any, path: Path, identity: str, name: str) -> None:
        place = self._store.file_folder(kind, identity)
        place.mkdir(parents=True, exist_ok=True)
        path.replace(place / name)


def _result_sounds(job: Row) -> list[str]:
    return [] if job["result"] is None else list(job["result"]["sounds"].values())


def _failure(verb: str, value: Any) -> dict[str, str]:
    return error_words(verb, f"failed: {value}", "try other sounds or options")
