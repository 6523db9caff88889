"""Refusals of the HTTP interface: every error in one form, in words."""

from typing import Any

from cambiata.errors import InputError


class Refusal(Exception):  # noqa: N818
    """A request that is not granted: its status, what is wrong, and the cure."""

    def __init__(
        self, status: int, what: str, wrong: str, cure: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{what}: {wrong}; {cure}")
        self.status, self.headers = status, headers or {}
        self.words = error_words(what, wrong, cure)

    @classmethod
    def of(cls, error: InputError, status: int = 422) -> "Refusal":
        """Refusal of what the API refuses."""
        return cls(status, error.subject, error.problem, error.cure)


def error_words(what: str, wrong: str, cure: str) -> dict[str, str]:
    """An error as all answers give it.

    >>> error_words("amount", "1.5 is out of range", "use 0 to 1")["message"]
    'amount: 1.5 is out of range; use 0 to 1'
    """
    return {"what": what, "wrong": wrong, "cure": cure, "message": f"{what}: {wrong}; {cure}"}


def unknown(kind: str, identity: str) -> Refusal:
    """Refusal of an id that stands for nothing."""
    return Refusal(404, f"{kind} {identity}", "is not here", "it was deleted or has expired")


def validation_words(errors: list[Any]) -> dict[str, str]:
    """The first of pydantic's errors, in words.

    >>> error = {"loc": ("body", "amount"), "msg": "Input should be less than 1"}
    >>> validation_words([error])["message"]
    'amount: should be less than 1; see /api/verbs or /api/openapi.json'
    """
    first = errors[0] if errors else {"loc": (), "msg": "is not readable"}
    place = [str(each) for each in first["loc"] if each not in ("body", "query", "path")]
    # Alternatives are named by their schemas: what they are not is said in words.
    place = [each for each in place if "[" not in each and each not in _KINDS]
    place = [each for each in place if not each.startswith("constrained-")]
    wrong = _WORDS.get(str(first.get("type")), str(first["msg"]).removeprefix("Input "))
    cure = "see /api/verbs or /api/openapi.json"
    return error_words(".".join(place) or "request", wrong, cure)


_KINDS = ("str", "int", "float", "bool", "dict", "list")
_WORDS = {
    "string_pattern_mismatch": "is neither an id nor a name",
    "extra_forbidden": "is not known",
    "missing": "is missing",
    "json_invalid": "is not JSON",
}
