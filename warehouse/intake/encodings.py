"""Decode delivered text, and say what the bytes look like that are no such text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from itertools import pairwise

import charset_normalizer

from warehouse.errors import FileRefused

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LATIN = ("cp1252", "cp1250", "cp1254", "cp850", "mac_roman")  # the likeliest first
_OTHER_ALPHABETS = ["cp1251", "koi8_r", "cp1253", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]
_SAMPLE = 1 << 16
_SIGNS = frozenset("¡¢£¤¥¦¨©¬®¯±³¶¹¼½¾¿÷†‡‰˝")


class NotDecoded(ValueError):  # noqa: N818  (the caller makes a refusal of it)
    """The content is no text of its encoding.

    Attributes:
        offset: Bytes of the text, as UTF-8, before what cannot be decoded.
        sample: The lines from there on that are not ASCII.
        mixed: The text before it is UTF-8 and no mere ASCII.
    """

    def __init__(self, offset: int, sample: bytes, *, mixed: bool = False) -> None:
        super().__init__(f"no text from byte {offset} on")
        self.offset, self.sample, self.mixed = offset, sample, mixed


def is_utf8(encoding: str) -> bool:
    """Tell whether the name is one of UTF-8.

    Raises:
        FileRefused: when no text encoding has this name.
    """
    try:
        "".encode(encoding)
        return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
    except LookupError:
        raise FileRefused(
            f"unreadable: feeds.yaml says encoding: {encoding}, which is no encoding; say one such as windows-1252"
        ) from None


def as_utf8(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the content as UTF-8.

    Raises:
        NotDecoded: at the first byte that is no text, after all text before it was yielded.
        FileRefused: when the last character is cut; or when the content is UTF-8 although another encoding was named.
    """
    decode_all = _checked if is_utf8(encoding) else _converted
    yield from decode_all(pieces, encoding)


def looks_like(sample: bytes, *, start: bytes) -> str | None:
    """Return the name of the encoding that the bytes most probably have, as feeds.yaml takes it; None if none fits.

    Args:
        sample: lines that are not UTF-8.
        start: the first bytes of the file, where a byte-order mark stands.
    """
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            return name
    for width, name in ((4, "utf-32"), (2, "utf-16")):
        columns = [start[n::width].count(0) / max(1, len(start[n::width])) for n in range(width)]
        if len(start) >= 2 * width and sum(share > 0.5 for share in columns) == width - 1:
            return f"{name}-{'be' if columns[0] > 0.5 else 'le'}"
    if 0 in start or 0 in sample:
        return None
    if re.search(rb"[\x80-\xff]{4}", sample):  # words without a letter of ASCII
        best = charset_normalizer.from_bytes(sample, cp_isolation=_OTHER_ALPHABETS).best()
        return _as_written(best.encoding) if best else None
    fitting = {name: _odd_neighbours(text) for name in _LATIN if (text := _decoded(sample, name)) is not None}
    return _as_written(min(fitting, key=fitting.__getitem__)) if fitting else None


def _checked(pieces: Iterator[bytes], _encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, more_than_ascii = 0, False
    for piece in pieces:
        try:
            more_than_ascii |= len(decoder.decode(piece)) != len(piece)
        except UnicodeDecodeError as error:
            good = error.start + len(piece) - len(error.object)
            if good > 0:
                yield piece[:good]
            mixed = more_than_ascii or not error.object[: error.start].isascii()
            raise NotDecoded(offset + good, _lines_from(error), mixed=mixed) from error
        offset += len(piece)
        yield piece
    _check_last_character(decoder)


def _converted(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder, utf8 = codecs.getincrementaldecoder(encoding)(), codecs.getincrementaldecoder("utf-8")()
    offset, may_be_utf8, more_than_ascii = 0, True, False
    for piece in pieces:
        state, damage = decoder.getstate(), None
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError as error:
            damage = error
            decoder.setstate(state)
            text = decoder.decode(piece[: max(0, error.start + len(piece) - len(error.object))])
        except UnicodeError as error:  # such as UTF-16 without its mark
            raise FileRefused(f"unreadable: not {encoding}, as feeds.yaml says: {error}") from error
        if converted := text.encode("utf-8", errors="surrogatepass"):
            offset += len(converted)
            yield converted
        if damage:
            raise NotDecoded(offset, _lines_from(damage)) from damage
        if may_be_utf8 and (may_be_utf8 := len(text) == len(piece)):  # else a character has several bytes
            try:
                more_than_ascii |= len(utf8.decode(piece)) != len(piece)
            except UnicodeDecodeError:
                may_be_utf8 = False
    _check_last_character(decoder)
    if may_be_utf8 and more_than_ascii:
        raise FileRefused(
            f"unreadable: feeds.yaml says encoding: {encoding}, but the file is UTF-8; say encoding: utf-8"
        )


def _check_last_character(decoder: codecs.IncrementalDecoder) -> None:
    if decoder.getstate()[0]:
        raise FileRefused("truncated: the last character is cut; deliver the file again")


def _as_written(name: str) -> str:
    return re.sub(r"^cp(125\d)$", r"windows-\1", name)


def _decoded(sample: bytes, encoding: str) -> str | None:
    try:
        return sample.decode(encoding)
    except UnicodeDecodeError:
        return None


def _odd_neighbours(text: str) -> int:
    """Count letters beside a sign that no word has, and capitals behind small letters, as wrong decoding makes them."""
    pairs = [pair for pair in pairwise(text) if not "".join(pair).isascii()]
    signs = sum(any(c in _SIGNS for c in pair) and any(c.isalpha() for c in pair) for pair in pairs)
    return signs + sum(
        first.islower() and second.isupper() and not second.isascii() for first, second in pairs
    )


def _lines_from(error: UnicodeDecodeError) -> bytes:
    data = error.object
    lines = data[data.rfind(b"\n", 0, error.start) + 1 : error.start + _SAMPLE].splitlines(keepends=True)
    return b"".join(line for line in lines if not line.isascii())
