"""How fuzz targets make an input of bytes: edits of a good text, or words of the format. Counterparts: `fuzz_*.py`."""

from collections.abc import Sequence


def edited(good: bytes, edits: bytes, words: Sequence[bytes]) -> bytes:
    """Each edit has four bytes: where (two), what, and the byte or word for it."""
    raw = bytearray(good)
    for at in range(0, len(edits) - 3, 4):
        place = int.from_bytes(edits[at : at + 2], "big") % (len(raw) + 1)
        word = words[edits[at + 3] % len(words)]
        match edits[at + 2] % 4:
            case 0:
                raw[place : place + 1] = edits[at + 3 : at + 4]
            case 1:
                raw[place:place] = word
            case 2:
                del raw[place : place + 1 + edits[at + 3] % 32]
            case _:
                raw[place : place + len(word)] = word
    return bytes(raw)


def worded(data: bytes, words: Sequence[bytes]) -> bytes:
    """Bytes from 128 on stand for words, the others for themselves."""
    return b"".join(words[byte - 128] if 128 <= byte < 128 + len(words) else bytes([byte]) for byte in data)
