"""The text that a file of somebody's holds, whatever wrote it."""

from __future__ import annotations

from ..errors import Mistake

UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # how it begins, as Windows saves it


def decode_text(raw: bytes, name: str) -> str:
    """UTF-8, or UTF-16 where it begins so; Mistake for another encoding, which names the line and the way out."""
    try:
        text = raw.decode("utf-16" if raw[:2] in UTF_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        if error.encoding.startswith("utf-16"):
            raise Mistake(f"{name} begins as UTF-16 and does not go on so; save it as UTF-8") from None
        line = raw[: error.start].count(b"\n") + 1
        raise Mistake(f"{name} is not in UTF-8: line {line} has the byte {raw[error.start]:#04x}; save it as UTF-8, or "
                      f"convert it, as with iconv -f GB18030 -t UTF-8") from None  # fmt: skip
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise Mistake(f"{name} has a NUL in line {line}, as text in UTF-16 has everywhere; save it as UTF-8, or "
                      "convert it, as with iconv -f UTF-16LE -t UTF-8")  # fmt: skip
    return text
