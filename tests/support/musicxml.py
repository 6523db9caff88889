"""Small scores in MusicXML, as text."""

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
FOUR_FOUR = (
    "<attributes><divisions>2</divisions><key><fifths>0</fifths></key>"
    "<time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
)


def note(name: str, quarters: float = 1, inside: str = "", before: str = "") -> str:
    """A note such as "F#4", a rest where the name is "r"; `before` comes before its pitch."""
    if name == "r":
        pitch = "<rest/>"
    else:
        alter = "<alter>1</alter>" if "#" in name else "<alter>-1</alter>" if "b" in name else ""
        pitch = f"<pitch><step>{name[0]}</step>{alter}<octave>{name[-1]}</octave></pitch>"
    return f"<note>{before}{pitch}<duration>{2 * quarters:g}</duration>{inside}</note>"


def notes(names: str, quarters: float = 1) -> str:
    """Notes of one length."""
    return "".join(note(name, quarters) for name in names.split())


def barline(*, begin: bool = False, ending: str = "", repeat: str = "") -> str:
    """A bar line: an ending's attributes and a repeat's."""
    inner = (f"<ending {ending}/>" if ending else "") + (f"<repeat {repeat}/>" if repeat else "")
    return f'<barline location="{"left" if begin else "right"}">{inner}</barline>'


def direction(inner: str, sound: str = "") -> str:
    """A direction, and what it says to programs."""
    sounds = f"<sound {sound}/>" if sound else ""
    return f"<direction><direction-type>{inner}</direction-type>{sounds}</direction>"


def score(*measures: str, attributes: str = FOUR_FOUR, part: str = "", head: str = "") -> str:
    """A score of one part."""
    return scores({"P1": list(measures)}, attributes=attributes, part=part, head=head)


def scores(
    parts: dict[str, list[str]], *, attributes: str = FOUR_FOUR, part: str = "", head: str = ""
) -> str:
    """A score of several parts; `part` is what the list of parts says of each."""
    entries = "".join(
        f'<score-part id="{name}">{part or f"<part-name>{name}</part-name>"}</score-part>'
        for name in parts
    )
    bodies = "".join(
        f'<part id="{name}">'
        + "".join(
            f'<measure number="{i + 1}">{attributes if i == 0 else ""}{measure}</measure>'
            for i, measure in enumerate(measures)
        )
        + "</part>"
        for name, measures in parts.items()
    )
    return (
        f'{HEAD}<score-partwise version="4.0">{head}<part-list>{entries}</part-list>'
        f"{bodies}</score-partwise>"
    )
