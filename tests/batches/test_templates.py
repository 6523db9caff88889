"""Names of outputs: filled in, and refused before any work."""

import pytest

from cambiata.batches.templates import check_outputs, fields_of, fill
from cambiata.errors import InputError


def test_fields_are_of_the_input_and_of_what_the_verb_is_given() -> None:
    fields = fields_of("songs/a.b.wav", 7, {"style": "cello", "name": "not mine"})
    made = fill("{folder}/{index:03d}-{stem}{suffix}-{style}-{name}{{}}", fields)
    assert made == "songs/007-a.b.wav-cello-a.b.wav{}"
    assert fill("{folder}/{stem}", fields_of("s3://b/x/y.wav", 1, {})) == "s3://b/x/y"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{stme}.wav", r"unknown field \{stme\} \(did you mean stem\?\)"),
        ("{}.wav", r"unknown field \{\}"),
        ("{stem.__class__}.wav", "unknown field"),
        ("{stem[0]}.wav", "unknown field"),
        ("{stem", "is not a template"),
        ("{stem:d}.wav", "cannot be filled in"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(template: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fill(template, fields_of("a.wav", 1, {}))


def test_outputs_are_apart_from_each_other_and_from_inputs() -> None:
    check_outputs([("x/a.wav", "a"), ("x/b.wav", "b")], ["a", "b"])
    with pytest.raises(InputError, match=r"x/a\.wav: would be written for a and for b"):
        check_outputs([("x/a.wav", "a"), ("./x/a.wav", "b")], [])
    with pytest.raises(InputError, match=r"\./b: is also an input"):
        check_outputs([("./b", "a")], ["a", "b"])
    with pytest.raises(InputError, match="-: goes with one input"):
        check_outputs([("-", "a")], [])
