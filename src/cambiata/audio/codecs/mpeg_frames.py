"""MPEG audio layers I to III, frame by frame: how long a file is without decoding it.

libsndfile believes an Info tag and otherwise guesses a length from the first frame's bit rate;
where there is no tag that fits the file, the frames are counted, and each stream of equal frames is
given to the decoder by itself, with a tag or a size that says so. Headers: ISO/IEC 11172-3, section
2.4.1.3, and 13818-3; Info tags: the LAME project's "MP3 Info Tag" specification.
"""

from dataclasses import dataclass, field
from functools import lru_cache

from cambiata.audio.codecs.layout import Layout, Part, Window

# kbit/s by (MPEG 1 or not, layer), indices 1 to 14.
_KBITS = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_SAMPLES = {(True, 1): 384, (True, 2): 1152, (True, 3): 1152}
_SAMPLES |= {(False, 1): 384, (False, 2): 1152, (False, 3): 576}

# Whether a file is MPEG audio at all: so many frames one after the other, as chance would hardly
# have them, within the first 64 KiB after tags.
_N_CERTAIN, _SEARCHED_BYTES = 4, 1 << 16
# Bytes behind a frame's header that side information, and then an Info tag, begin with.
_TAG_OFFSET = {(True, False): 36, (True, True): 21, (False, False): 21, (False, True): 13}
_VBRI_OFFSET = 36  # Fraunhofer's own tag, whatever the frame


@dataclass(frozen=True)
class Header:
    """Four bytes at a frame's beginning, decoded."""

    is_mpeg1: bool
    layer: int
    sample_rate: int
    is_mono: bool
    n_bytes: int
    n_samples: int

    @property
    def format(self) -> tuple[bool, int, int, bool]:
        """What stays the same throughout a stream."""
        return self.is_mpeg1, self.layer, self.sample_rate, self.is_mono


@dataclass(frozen=True)
class _Tag:
    """Frame that holds no sound, but says how much follows."""

    n_frames: int | None = None
    n_bytes: int | None = None
    trims: bytes = b""  # three bytes: samples to cut off at the beginning and at the end


@dataclass
class _Stream:
    """Frames of one format, from a tag (or the beginning) to the next."""

    header: Header
    four: bytes  # the first frame's
    tag: _Tag
    n_frames: int = 0
    stretches: list[tuple[int, int]] = field(default_factory=list)
    sizes: dict[bytes, int] = field(default_factory=dict)  # of frames, by their first four bytes

    def add(self, at: int, n_bytes: int, n_frames: int = 1) -> None:
        """Count frames."""
        self.n_frames += n_frames
        if self.stretches and self.stretches[-1][1] == at:
            self.stretches[-1] = self.stretches[-1][0], at + n_bytes
        else:
            self.stretches.append((at, at + n_bytes))

    @property
    def duration_s(self) -> float:
        """Seconds of the frames counted so far."""
        return self.n_frames * self.header.n_samples / self.header.sample_rate

    @property
    def is_as_tagged(self) -> bool:
        """Whether the tag counts the frames that are there, itself or not."""
        return abs((self.tag.n_frames or 0) - self.n_frames) <= 1 and len(self.stretches) == 1

    @property
    def n_missing(self) -> int:
        """Frames that the tag promises and that are not there; one is a matter of counting."""
        missing = (self.tag.n_frames or 0) - self.n_frames
        return missing if missing > 1 else 0

    def part(self) -> Part:
        """What libsndfile decodes of it."""
        if self.tag.trims:
            return Part((self._info_frame(), *self.stretches))
        # The decoder guesses the length from all bytes and the first frame's: the guess is made too
        # high by zeros at the end, before which reading stops. (With a tag it would cut off 529
        # samples at the beginning, which no other program does.)
        n_bytes = sum(stop - start for start, stop in self.stretches)
        n_zeros = max(0, (self.n_frames + 2) * self.header.n_bytes - n_bytes)
        return Part((*self.stretches, n_zeros), self.n_frames * self.header.n_samples)

    def _info_frame(self) -> bytes:
        """A frame with an Info tag that says how many frames there are."""
        mode = self.four[3] & 0xC0
        # Without a checksum, at the highest bit rate, so that the tag has room.
        head = bytes([0xFF, self.four[1] | 1, 0xE0 | self.four[2] & 0x0C, mode])
        frame = decode_header(head)
        assert frame is not None
        tag = b"Xing" + (1).to_bytes(4, "big") + self.n_frames.to_bytes(4, "big")
        trims = self.tag.trims
        if self.n_missing:  # what was to be cut off at the end is not there
            trims = bytes([trims[0], trims[1] & 0xF0, 0])
        tag += b"LAME3.100" + bytes(12) + trims
        return (head.ljust(_TAG_OFFSET[frame.is_mpeg1, frame.is_mono], b"\0") + tag).ljust(
            frame.n_bytes, b"\0"
        )


@lru_cache(maxsize=10_000)  # the few that a file has are kept; hostile files have more
def decode_header(four: bytes) -> Header | None:
    """Header of a frame; None where these bytes are none."""
    if len(four) < 4 or four[0] != 0xFF or four[1] & 0xE0 != 0xE0:
        return None
    version, layer = four[1] >> 3 & 3, 4 - (four[1] >> 1 & 3)
    bitrate, rate, padding = four[2] >> 4, four[2] >> 2 & 3, four[2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3 or four[3] & 3 == 2:
        return None
    kind = version == 3, layer
    sample_rate, n_samples = _RATES_HZ[version][rate], _SAMPLES[kind]
    bits = _KBITS[kind][bitrate - 1] * 1000 * n_samples // 8
    if layer == 1:  # counted in slots of four bytes
        n_bytes = (bits // sample_rate // 4 + padding) * 4
    else:
        n_bytes = bits // sample_rate + padding
    return Header(version == 3, layer, sample_rate, four[3] >> 6 == 3, n_bytes, n_samples)


def tag_length(window: Window, at: int) -> int:
    """Bytes of the tag (ID3, APE, Lyrics3) that begins at a position; 0 where none does."""
    head = window.at(at, 32)
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        return 10 + size + 10 * (head[5] >> 4 & 1)
    if head[:8] == b"APETAGEX" and len(head) == 32:
        # The size leaves out the header, which a footer alone does not have.
        is_header = bool(head[23] & 0x20)
        return 32 + (int.from_bytes(head[12:16], "little") if is_header else 0)
    if head[:11] == b"LYRICSBEGIN":
        end = window.at(at, 1 << 16).find(b"LYRICS200")
        return end + 9 if end > 0 else 0
    if head[:3] == b"TAG" and at + 128 <= window.size:
        return 128
    return 0


def first_frame(window: Window, at: int = 0) -> int | None:
    """Where the first frame is, behind tags; None where the file is no MPEG audio."""
    while length := tag_length(window, at):
        at += length
    return _next_frame(window, at, min(at + _SEARCHED_BYTES, window.size))


def _is_certain(window: Window, at: int) -> bool:
    """Whether frames of one format follow each other from a position on."""
    found = None
    for i in range(_N_CERTAIN):
        header = decode_header(window.at(at, 4))
        if header is None or (found and header.format[:3] != found.format[:3]):
            return i > 0 and at >= window.size
        found, at = header, at + header.n_bytes
    return True


def examine(window: Window, start: int = 0, end: int | None = None) -> Layout | None:
    """Layout of MPEG audio between two bytes, or of the whole file; None where it is none."""
    first = first_frame(window, start)
    if first is None:
        return None
    streams, n_lost, at_s = _streams(window, first, window.size if end is None else end)
    if not streams:
        return None
    if end is None and not n_lost and len(streams) == 1 and streams[0].is_as_tagged:
        # The decoder knows tags at the beginning, if an ID3 tag is the first thing there.
        begins_plainly = window.at(0, 3) == b"ID3" or not first
        return Layout((Part() if begins_plainly else Part(((first, window.size),)),))
    n_missing = sum(stream.n_missing for stream in streams)
    parts = tuple(stream.part() for stream in streams)
    if n_lost > streams[0].header.n_bytes:  # less than a frame is what tags leave behind
        problem = f"is damaged at {at_s:.2f} s: {n_lost} bytes there are not sound"
        return Layout(parts, problem)
    share = n_missing / sum(stream.n_frames for stream in streams)
    return Layout(parts, breaks_off=bool(n_missing), missing_share=share)


def _find_tag(data: bytes, header: Header) -> _Tag | None:
    """Tag in a frame that begins with these bytes."""
    at = _TAG_OFFSET[header.is_mpeg1, header.is_mono]
    if data[at : at + 4] in (b"Xing", b"Info"):
        flags, at = int.from_bytes(data[at + 4 : at + 8], "big"), at + 8
        numbers: list[int | None] = []
        for bit in (1, 2):
            numbers.append(int.from_bytes(data[at : at + 4], "big") if flags & bit else None)
            at += 4 * bool(flags & bit)
        at += 100 * bool(flags & 4) + 4 * bool(flags & 8)
        trims = data[at + 21 : at + 24] if any(data[at : at + 4]) else b""
        return _Tag(numbers[0], numbers[1], trims)
    at = _VBRI_OFFSET
    if data[at : at + 4] == b"VBRI":
        n_bytes, n_frames = (int.from_bytes(data[at + i : at + i + 4], "big") for i in (10, 14))
        return _Tag(n_frames, n_bytes)
    return None


def _streams(window: Window, at: int, end: int) -> tuple[list[_Stream], int, float]:
    """All streams between two bytes; bytes between frames that are no tags, and their second."""
    streams: list[_Stream] = []
    n_lost, lost_at_s = 0, 0.0
    while at + 4 <= end:
        data = window.at(at, 40)
        header = decode_header(data[:4])
        current = streams[-1] if streams else None
        if header is None or not (
            (current and header.format == current.header.format) or _is_certain(window, at)
        ):
            step = tag_length(window, at)
            if not step:
                following = _next_frame(window, at + 1, end)
                if following is None:
                    break
                step = following - at
                lost_at_s = lost_at_s if n_lost else sum(stream.duration_s for stream in streams)
                n_lost += step
            at += step
            continue
        if at + header.n_bytes > end:  # the last frame, cut
            break
        tag = None
        if header.layer == 3 and (b"Xing" in data or b"Info" in data or b"VBRI" in data):
            tag = _find_tag(window.at(at, 256), header)
        if tag or not current or header.format != current.header.format:
            current = _Stream(header, data[:4], tag or _Tag())
            streams.append(current)
        if not tag:
            current.add(at, header.n_bytes)
        current.sizes[data[:4]] = header.n_bytes
        at = _skip_alike(window, at + header.n_bytes, end, current)
    return [stream for stream in streams if stream.n_frames], n_lost, lost_at_s


def _skip_alike(window: Window, at: int, end: int, stream: _Stream) -> int:
    """Where frames that look like those before end, or a tag may be; they are counted.

    The slow way takes several microseconds a frame, this one a fraction: an hour has 138,000.
    """
    sizes = stream.sizes
    while at < end:
        data = window.at(at, min(end - at, 1 << 16))
        marks = (data.find(mark) for mark in (b"Xing", b"Info", b"VBRI"))
        # A frame before a mark may be the tag itself.
        limit = min((place - 36 for place in marks if place >= 0), default=len(data))
        i = n_frames = 0
        while size := sizes.get(data[i : i + 4]):
            if i + size > limit:
                break
            i += size
            n_frames += 1
        if not n_frames:
            return at
        stream.add(at, i, n_frames)
        at += i
    return at


def _next_frame(window: Window, at: int, end: int) -> int | None:
    """Where frames go on behind what is none."""
    while at < end:
        data = window.at(at, min(end - at, 1 << 16))
        found = data.find(b"\xff")
        if found < 0:
            at += len(data)
            continue
        at += found
        if decode_header(window.at(at, 4)) and _is_certain(window, at):
            return at
        at += 1
    return None
