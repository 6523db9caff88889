"""What is there in place of a task's result where it failed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cambiata.errors import CambiataError

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Failure:
    """In place of a result: the reason why there is none."""

    message: str  # one line


def attempt(function: Callable[[TaskT], ResultT], task: TaskT) -> ResultT | Failure:
    """Result of a task, or its error in one line."""
    try:
        return function(task)
    except Exception as error:
        return Failure(format_error(error))


def format_error(error: Exception) -> str:
    """Message of an error, in one line."""
    message = " ".join(str(error).split())
    speaks_for_itself = isinstance(error, CambiataError) and message
    return message if speaks_for_itself else f"{type(error).__name__}: {message}"
