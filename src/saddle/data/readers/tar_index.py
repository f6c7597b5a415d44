"""Where the files in a tar begin: its headers read one after another, none of them trusted, nothing unpacked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

BLOCK = 512  # bytes of a header, and what all that lies in a tar is filled up to
MAGIC, MAGIC_AT = b"ustar", 257
MAX_NAME_BYTES = 1 << 16  # of a long name, and of all that is said of one file beside its header
SEARCHED_BYTES = 1 << 20  # bytes that are searched at once for the next header behind a damaged one
PLAIN, FOLDER, LONG_NAME, OWN_FACTS = (b"0", b"\0", b"7"), b"5", b"L", b"x"
PASSED_OVER = {b"1": "links", b"2": "links", b"3": "devices", b"4": "devices", b"6": "fifos", b"S": "sparse files"}
SILENT = (FOLDER, b"K", b"g", b"V", b"M", b"X")  # folders, names of links, and what is said of no single file
CUT_OFF = "files that are cut off at its end"  # among the faults


class TarMember(NamedTuple):
    """A file in a tar."""

    name: str  # as it stands there
    start: int  # of its bytes
    size: int


@dataclass
class TarIndex:
    """The files in a tar, and what there is in it besides."""

    members: list[TarMember] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)  # what was passed over, and how often


class TarHeader(NamedTuple):
    """What a header says."""

    name: str
    size: int
    kind: bytes


class DamagedHeader(Exception):
    """These bytes are no header."""


def index_tar(file: BinaryIO, size: int) -> TarIndex:
    """The index of a tar of so many bytes; what is damaged or cut off costs itself alone."""
    found, place = TarIndex(), 0
    facts: dict[str, str] = {}  # what the entries before a file say of it
    while place < size:
        file.seek(place)
        block = file.read(BLOCK)
        if not block.strip(b"\0"):
            break
        if len(block) < BLOCK:  # cut within a header
            found.faults[CUT_OFF] += 1
            break
        try:
            name, count, kind = parse_header(block)
        except DamagedHeader:
            found.faults["damaged headers"] += 1
            facts, place = {}, next_header(file, place + BLOCK, size)
            continue
        count = int(facts.get("size", count)) if kind in PLAIN else count
        start = place + BLOCK
        if start + count > size:
            found.faults[CUT_OFF] += 1
            break
        if kind in (LONG_NAME, OWN_FACTS):
            facts |= read_facts(file.read(count), kind) if count <= MAX_NAME_BYTES else {}
        elif kind not in SILENT:
            add_member(found, TarMember(facts.get("path", name), start, count), kind, facts)
        if kind not in (LONG_NAME, OWN_FACTS, b"K"):
            facts = {}
        place = start + -(-count // BLOCK) * BLOCK
    return found


def add_member(found: TarIndex, member: TarMember, kind: bytes, facts: dict[str, str]) -> None:
    """Put a file into the index, or count it as what is passed over."""
    sparse = any(key.startswith("GNU.sparse") for key in facts)
    if kind not in PLAIN or sparse:
        found.faults["sparse files" if sparse else PASSED_OVER.get(kind, "entries of unknown kinds")] += 1
    elif leads_out(member.name):
        found.faults["files whose paths lead out of it"] += 1
    elif not member.name.endswith("/"):
        found.members.append(member)


def leads_out(name: str) -> bool:
    plain = name.replace("\\", "/")
    return plain.startswith("/") or ".." in plain.split("/") or "\0" in plain


def parse_header(block: bytes) -> TarHeader:
    """What a header says; raises DamagedHeader where its checksum does not fit."""
    blank = block[:148] + b" " * 8 + block[156:]
    if len(block) < BLOCK or parse_number(block[148:156]) != sum(blank):
        raise DamagedHeader
    name, prefix = (part.partition(b"\0")[0].decode("utf-8", "replace") for part in (block[:100], block[345:500]))
    posix = block[MAGIC_AT : MAGIC_AT + 6] == MAGIC + b"\0"  # GNU's have other things in the prefix's place
    return TarHeader(f"{prefix}/{name}" if posix and prefix else name, parse_number(block[124:136]), block[156:157])


def parse_number(field: bytes) -> int:
    """Octal digits, or in GNU's form 256 to the power; raises DamagedHeader for neither, and below nought."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    try:
        number = int(field.strip(b" \0") or b"0", 8)
    except ValueError as error:
        raise DamagedHeader from error
    if number < 0:
        raise DamagedHeader
    return number


def read_facts(content: bytes, kind: bytes) -> dict[str, str]:
    """What stands before a file's header: its long name, or lines such as `30 path=cats/1.jpg`."""
    if kind == LONG_NAME:
        return {"path": content.partition(b"\0")[0].decode("utf-8", "replace")}
    return dict(pax_lines(content))


def pax_lines(content: bytes) -> Iterator[tuple[str, str]]:
    """The keys and values of POSIX's extended headers, as far as they can be read."""
    while content:
        length, _, rest = content.partition(b" ")
        count = int(length) if length.isdigit() and len(length) < 9 else 0
        key, equals, value = rest[: max(0, count - len(length) - 2)].partition(b"=")
        if not equals:
            return
        if key != b"size" or (value.isdigit() and len(value) < 20):
            yield key.decode("utf-8", "replace"), value.decode("utf-8", "replace")
        content = content[count:]


def next_header(file: BinaryIO, place: int, size: int) -> int:
    """Where the next header begins from here on; the end of the file if there is none."""
    while place + BLOCK <= size:
        file.seek(place)
        content = file.read(SEARCHED_BYTES)
        for at in range(0, len(content) - BLOCK + 1, BLOCK):
            if content[at + MAGIC_AT : at + MAGIC_AT + 5] == MAGIC and is_header(content[at : at + BLOCK]):
                return place + at
        if len(content) < BLOCK:
            break
        place += len(content) // BLOCK * BLOCK
    return size


def is_header(block: bytes) -> bool:
    try:
        parse_header(block)
    except DamagedHeader:
        return False
    return True
