"""Keyword arguments of public functions: a wrong one is an error that names the right one."""

import inspect
from collections.abc import Callable, Mapping
from functools import update_wrapper
from types import FunctionType
from typing import Any, TypeVar, cast, get_args

from cambiata.errors import KeywordError

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def keywords_of(function: Callable[..., Any]) -> list[str]:
    """Keyword arguments that a function takes; of ``**options``, the keys of its `TypedDict`.

    >>> from cambiata.timbre_transfer.api import transfer
    >>> keywords_of(transfer)[:3]
    ['progress', 'system', 'amount']
    """
    names: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            [options] = get_args(parameter.annotation)  # of Unpack[...]
            names += options.__annotations__
        elif parameter.kind is not parameter.POSITIONAL_ONLY and (
            parameter.default is not parameter.empty or parameter.kind is parameter.KEYWORD_ONLY
        ):
            names.append(parameter.name)
    return names


def checked_keywords(function: FunctionT) -> FunctionT:
    """The function, refusing keyword arguments that it does not take before it does anything."""
    keywords = keywords_of(function)
    taken = dict.fromkeys((*inspect.signature(function).parameters, *keywords))
    taken.pop("options", None)

    def refuse(options: Mapping[str, Any]) -> None:
        unknown = next(name for name in options if name not in taken)
        raise KeywordError(function.__name__, unknown, list(taken), keywords)

    # Only names of this closure: its globals are those of the function's own module, without which
    # doctest takes it for another module's and skips its examples.
    def checked(*arguments: Any, **options: Any) -> Any:
        if not options.keys() <= taken.keys():
            refuse(options)
        return function(*arguments, **options)

    own = FunctionType(checked.__code__, function.__globals__, closure=checked.__closure__)
    return cast("FunctionT", update_wrapper(own, function))
