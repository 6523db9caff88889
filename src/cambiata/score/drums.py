"""Names of drums by their keys, as General MIDI has them, and the Roland kits that go below it."""

# Short enough for the margin of a picture: ten letters.
DRUM_NAMES = {
    22: "hat edge",
    26: "hat open",
    27: "high Q",
    28: "slap",
    29: "scratch",
    30: "scratch 2",
    31: "sticks",
    32: "click",
    33: "metronome",
    34: "bell",
    35: "kick 2",
    36: "kick",
    37: "rim",
    38: "snare",
    39: "clap",
    40: "snare 2",
    41: "floor tom",
    42: "closed hat",
    43: "floor tom2",
    44: "pedal hat",
    45: "low tom",
    46: "open hat",
    47: "mid tom",
    48: "mid tom 2",
    49: "crash",
    50: "high tom",
    51: "ride",
    52: "china",
    53: "ride bell",
    54: "tambourine",
    55: "splash",
    56: "cowbell",
    57: "crash 2",
    58: "vibraslap",
    59: "ride 2",
    60: "bongo high",
    61: "bongo low",
    62: "conga mute",
    63: "conga high",
    64: "conga low",
    65: "timbale hi",
    66: "timbale lo",
    67: "agogo high",
    68: "agogo low",
    69: "cabasa",
    70: "maracas",
    71: "whistle",
    72: "whistle 2",
    73: "guiro",
    74: "guiro long",
    75: "claves",
    76: "block high",
    77: "block low",
    78: "cuica mute",
    79: "cuica open",
    80: "triangle",
    81: "triangle 2",
    82: "shaker",
    83: "jingles",
    84: "bell tree",
    85: "castanets",
    86: "surdo mute",
    87: "surdo",
}


def drum_name(key: int) -> str:
    """Name of the drum that a key strikes.

    Parameters
    ----------
    key : int
        A MIDI number.

    Returns
    -------
    str
        The name; the number where General MIDI has no drum there.

    Examples
    --------
    >>> drum_name(38), drum_name(100)
    ('snare', '100')
    """
    return DRUM_NAMES.get(key, str(key))
