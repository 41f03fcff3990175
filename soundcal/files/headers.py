"""The claims of an audio file's header, compared with the file.

libsndfile reads the samples that a header counts and says nothing about bytes behind them. Such
bytes are there if a recorder lost power before it had written the final sizes, or if a file grew
beyond 4 GiB and its 32-bit size started again from 0. Compared are files made of chunks, FLAC and
AU.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soundcal.errors import RecordError
from soundcal.files.chunks import UNKNOWN, Chunk, Chunks
from soundcal.files.flac_frames import flac_frames
from soundcal.recording import HEADER, Flag

__all__ = ["header_flags"]

_JUNK: Final = 64
"""Bytes behind the samples that are accepted without a flag: writers pad their files."""

_FORMS: Final = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"W64", b"caff")

_RATES: Final = (1000, 1_000_000)
"""Sampling rates in Hz that an audio file may have."""

_DEATH_S: Final = 2.0
"""Up to this length (s) of samples behind those that the header counts are left out with a flag: a
recorder that corrects its header every second, as soundcal does, was killed. More is refused."""

_TAGS: Final = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")  # written behind the last chunk
_METADATA: Final = frozenset(
    b"LIST,bext,iXML,axml,chna,cue ,smpl,inst,plst,fact,PEAK,JUNK,junk,PAD ,FLLR,ID3 ,id3 ,_PMX,"
    b"acid,umid,minf,elm1,regn,afsp,levl,link,dbmd,MARK,INST,COMT,APPL,NAME,AUTH,ANNO,(c) ,info,"
    b"free,strg,mark,uuid".split(b",")
)
_LINEAR: Final = (1, 3)  # WAVE_FORMAT_PCM, WAVE_FORMAT_IEEE_FLOAT
_EXTENSIBLE: Final = 0xFFFE
_WIDTHS_AU: Final = {2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8}  # bytes per sample of linear codings
_LINEAR_AIFF: Final = (b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"42ni", b"23ni")
_LINEAR_AIFF_FLOAT: Final = (b"fl32", b"FL32", b"fl64", b"FL64")


@dataclass(slots=True)
class _Header:
    """The claims that are checked.

    Parameters
    ----------
    start, size : int
        First byte of the samples, and the bytes that they take; -1 if the header does not say.
    after : int
        Place of the next chunk.
    frame : int
        Bytes per sample of all channels; 0 if the samples are not linear.
    frames : int
        Samples per channel that the header states elsewhere; -1 if it does not.
    rate : int
        Bytes per second; 0 if the header does not say.
    """

    start: int = 0
    size: int = 0
    after: int = 0
    frame: int = 0
    frames: int = -1
    rate: int = 0


def _read(reader: Chunks, path: Path) -> _Header | None:
    """Return the claims of the header; None if the file is of another kind or has no samples."""
    if reader.form == b".snd":
        start, size, coding, _, n_channels = struct.unpack(">5I", reader.at(4, 20).ljust(20, b"\0"))
        size = -1 if size == UNKNOWN else size
        return _Header(start, size, start + size, _WIDTHS_AU.get(coding, 0) * n_channels)
    if reader.form not in _FORMS:
        return None
    header = _Header()
    for chunk in reader.chunks(reader.first):
        if chunk.name == b"fmt " and reader.form != b"caff":
            header.frame, header.rate = _frame_of_wave(reader, chunk, path)
        elif chunk.name == b"desc":
            header.frame = int(
                struct.unpack(">I", reader.at(chunk.start + 16, 4).ljust(4, b"\0"))[0]
            )
        elif chunk.name == b"COMM":
            header.frame, header.frames = _frame_of_aiff(reader, chunk)
        elif chunk.name in (b"data", b"SSND"):
            header.start, header.size, header.after = chunk.start, chunk.size, chunk.after
            if chunk.name == b"SSND":
                offset = struct.unpack(">I", reader.at(chunk.start, 4).ljust(4, b"\0"))[0]
                header.start += 8 + offset
            elif reader.form == b"caff":
                header.start += 4
            if chunk.size == UNKNOWN or chunk.size < 0:
                header.size = -1
            if header.size >= 0:
                header.size = max(0, header.size - (header.start - chunk.start))
            return header
    return None


def _frame_of_wave(reader: Chunks, chunk: Chunk, path: Path) -> tuple[int, int]:
    """Return the bytes per sample of all channels and per second, 0 if not linear.

    The header must agree on the bytes per sample.
    """
    content = reader.at(chunk.start, 26)
    if len(content) < 16:
        return 0, 0
    tag, n_channels, _, rate, frame, bits = struct.unpack(reader.order + "HHIIHH", content[:16])
    if tag == _EXTENSIBLE and len(content) == 26:
        valid, tag = struct.unpack(reader.order + "2xH4xH", content[16:])
        if valid > bits:
            raise RecordError(
                f"{path}: its header contradicts itself: {valid} valid bits in samples of {bits} "
                "bits; write the file again with a true header"
            )
    if tag not in _LINEAR:
        return 0, 0
    expected = n_channels * -(-bits // 8)
    if frame not in (0, expected):
        raise RecordError(
            f"{path}: its header contradicts itself: {n_channels} channels of {bits} bits take "
            f"{expected} bytes, but its block align is {frame}; write the file again with a true "
            "header (samples of 24 bits in 4 bytes are stated as 32 bits, of which 24 are valid)"
        )
    return int(expected), int(rate)


def _frame_of_aiff(reader: Chunks, chunk: Chunk) -> tuple[int, int]:
    """Return the bytes per sample of all channels, 0 if not linear, and the samples counted."""
    content = reader.at(chunk.start, 22)
    if len(content) < 18:
        return 0, -1
    n_channels, frames, bits = struct.unpack(">HIH", content[:8])
    coding = content[18:22] if len(content) == 22 and chunk.size >= 22 else b"NONE"
    if coding not in (*_LINEAR_AIFF, *_LINEAR_AIFF_FLOAT):
        return 0, -1
    return int(n_channels * -(-bits // 8)), int(frames)


def header_flags(path: Path, fs: int, n_channels: int, n_samples: int) -> tuple[Flag, ...]:
    """Compare a header with its file.

    Parameters
    ----------
    path : path
        Audio file; of a kind without chunks, only FLAC and AU are compared.
    fs, n_channels, n_samples : int
        The file as its reader understands it.

    Returns
    -------
    tuple of Flag
        Samples behind those that the header counts, up to 2 s of them; a size that is not stated;
        a sampling rate that the header contradicts; part of a sample.

    Raises
    ------
    RecordError
        The header contradicts itself, or more samples follow than it counts. The message gives
        their number of bytes and how to repair the file.
    """
    length = path.stat().st_size
    with open(path, "rb") as file:
        reader = Chunks(file, length)
        if reader.form == b"fLaC":
            return (*_rate_doubts(None, fs), *_flac_doubts(path, reader, n_samples, fs))
        header = _read(reader, path)
        doubts = [*_rate_doubts(header, fs)]
        if header is None:
            return (*doubts, *_lost_way(reader))
        there = length - header.start
        if header.size < 0 or header.size >= 1 << 62:
            return (*doubts, *_unstated(path, header, there, n_samples))
        if header.size > there:
            raise RecordError(
                f"{path}: truncated, it has {max(there, 0)} of {header.size} bytes; "
                "copy the file again, or repair its header if there is no complete file"
            )
        beyond = _beyond(reader, header)
    counted = header.size // header.frame if header.frame else n_samples
    if beyond <= _JUNK:
        _check_reading(path, header, header.size, n_samples)
        return (*doubts, *_other_count(header, n_samples))
    frame = header.frame or (header.size / n_samples if n_samples else 0)
    seconds = beyond / (frame * fs) if frame else 0.0
    behind = f"{beyond} bytes" + (f" ({seconds:.1f} s)" if seconds else "")
    finding = (
        f"the header counts {header.size} bytes of samples, but {behind} that belong to no chunk "
        "of the file follow them; the recorder did not finish the file, or it is too large for its "
        "header"
    )
    if 0 < counted == n_samples and 0 < seconds <= _DEATH_S:
        way = _repair(reader, path, header)
        return (*doubts, Flag(HEADER, f"{finding}; they were left out. To have them, {way}"))
    raise RecordError(f"{path}: {finding}. Nothing is lost: {_repair(reader, path, header)}")


def _rate_doubts(header: _Header | None, fs: int) -> Iterator[Flag]:
    """Give the flags of a sampling rate that the header contradicts, or that no audio file has."""
    if header is not None and header.frame and header.rate not in (0, fs * header.frame):
        text = (
            f"its header contradicts itself: {fs} Hz are {fs * header.frame} bytes per second, but "
            f"it states {header.rate}, as for {header.rate / header.frame:.6g} Hz; "
            f"{fs} Hz was taken"
        )
        yield Flag(HEADER, text)
    if not _RATES[0] <= fs <= _RATES[1]:
        text = f"a sampling rate of {fs} Hz is not that of a sound recording; see its header"
        yield Flag(HEADER, text)


def _flac_doubts(path: Path, reader: Chunks, n_samples: int, fs: int) -> Iterator[Flag]:
    """Give the flags of a FLAC file whose frames contradict its header."""
    frames = flac_frames(reader.file, reader.length)
    if frames is not None and frames.fs not in (0, fs):
        text = f"its header states {fs} Hz, its frames {frames.fs} Hz; {fs} Hz was taken"
        yield Flag(HEADER, text)
    least, most = struct.unpack(">HH", reader.at(8, 4).ljust(4, b"\0"))  # of STREAMINFO
    if frames is not None and frames.block and not least <= frames.block <= most:
        text = (
            f"its header states blocks of {least} to {most} samples, its first frame has "
            f"{frames.block}; the samples may be wrong: decode it again with flac or ffmpeg"
        )
        yield Flag(HEADER, text)
    more = 0 if frames is None else frames.n_samples - n_samples
    if more <= 0:
        return
    finding = (
        f"the header counts {n_samples} samples, but {more} more ({more / fs:.1f} s) follow them; "
        "the recorder did not finish the file"
    )
    way = (
        "decode it with a program that reads to the last frame, such as ffmpeg (“ffmpeg -i FILE "
        "NEW.wav”)"
    )
    if more > _DEATH_S * fs:
        raise RecordError(f"{path}: {finding}. Nothing is lost: {way}")
    yield Flag(HEADER, f"{finding}; they were left out. To have them, {way}")


def _lost_way(reader: Chunks) -> Iterator[Flag]:
    """Give the flag of a file whose chunks do not lead to its samples."""
    if reader.form in _FORMS:
        text = (
            "the parts of its header do not lead to its samples, so their number could not be "
            "checked; write the file again with an audio editor"
        )
        yield Flag(HEADER, text)


def _repair(reader: Chunks, path: Path, header: _Header) -> str:
    raw = f"import the file as raw data from byte {header.start} into an audio editor"
    if reader.form != b"RIFF":
        return f"{raw} and save it as WAV, RF64 or FLAC"
    return (
        "write a copy with a true header with “ffmpeg -ignore_length 1 -i FILE -c copy -rf64 auto "
        f"NEW.wav”, or {raw}"
    )


def _unstated(path: Path, header: _Header, there: int, n_samples: int) -> tuple[Flag, ...]:
    _check_reading(path, header, there, n_samples)
    text = (
        "the header does not state the size of the samples; everything to the end of the file, "
        f"{there} bytes, was read as samples"
    )
    return (Flag(HEADER, text),)


def _check_reading(path: Path, header: _Header, size: int, n_samples: int) -> None:
    """Refuse a file whose reader found another number of samples than its header."""
    if header.frame and size // header.frame != n_samples:
        raise RecordError(
            f"{path}: its header contradicts itself: {size} bytes of samples with {header.frame} "
            f"bytes for each are {size // header.frame}, but they would be read as {n_samples}; "
            "write the file again with a true header"
        )


def _other_count(header: _Header, n_samples: int) -> Iterator[Flag]:
    # some writers count the padding behind an odd number of bytes
    if header.frame and (rest := header.size % header.frame) > 1:
        text = (
            f"its header counts {header.size} bytes of samples, {rest} more than whole samples of "
            f"{header.frame} bytes: it is damaged, or states wrong channels or bits"
        )
        yield Flag(HEADER, text)
    if header.frames >= 0 and header.frame and header.frames != n_samples:
        text = (
            f"one part of the header (COMM) counts {header.frames} samples, another (SSND) "
            f"{n_samples}; {n_samples} were read"
        )
        yield Flag(HEADER, text)


def _beyond(reader: Chunks, header: _Header) -> int:
    """Return the bytes behind the samples that belong to no chunk."""
    if reader.form == b".snd":
        return reader.length - header.after
    # some writers leave out the padding behind an odd number of bytes
    places = {header.after, header.start + header.size}
    return min(_unclaimed(reader, place) for place in places)


def _unclaimed(reader: Chunks, place: int) -> int:
    """Return the number of bytes from a place on, behind the chunks that are there."""
    for chunk in reader.chunks(place):
        whole = chunk.start <= chunk.after <= reader.length + 1
        if chunk.name in (b"data", b"SSND") or not (whole or chunk.name in _METADATA):
            break
        place = chunk.after
    if reader.at(place, 11).startswith(_TAGS):
        return 0
    return max(0, reader.length - place)
