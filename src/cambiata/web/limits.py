"""Limits of the studio: how large, how long, how many, for how long."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What the studio takes; more is refused in words.

    They guard a machine that is used at the same time, not the systems, which take any length: the
    command line has no such limits.
    """

    # Half an hour of stereo at 48 kHz and 24 bit has 518 MB.
    upload_bytes: int = 512 * 2**20
    # What a browser still draws and plays well, and a job of a minute or two.
    recording_s: float = 1800.0
    score_notes: int = 20_000
    # As many as 20 people at once make, and half as many again.
    queued_jobs: int = 32
    # A week: who comes back at the weekend finds what was made at the last.
    expire_after_s: float = 7 * 24 * 3600.0
    folder_bytes: int = 10 * 2**30
    # Of bodies that are not uploads: 20,000 notes as JSON have about 1 MB.
    json_bytes: int = 4 * 2**20
    # Open streams of events: each page has one or two.
    event_streams: int = 64
