"""What a command tells, for programs: `--json` prints it in place of the text, `--json FILE.json` writes it beside."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import escape_unprintable
from .output import print_output

ON_OUTPUT = Path("-")  # what `--json` alone means


def tell(text: Callable[[], object], facts: Callable[[], Any], place: Path | None) -> None:
    """Print the text, or the facts where they are wanted on the output; and write them where a file is named."""
    if place == ON_OUTPUT:
        print_facts(facts())
        return
    write_facts(place, facts)
    print_output(text())


def check_place(place: Path | None) -> None:
    """Refuse a file that cannot be written, before there is work to lose."""
    if place is not None and place != ON_OUTPUT:
        from ..runs.writing import check_file_writable

        check_file_writable(place)


def print_facts(facts: Any) -> None:
    """JSON on the output, of signs that every terminal shows; all others are escaped as JSON does it."""
    text = json.dumps(to_json(facts), indent=2, ensure_ascii=False, allow_nan=False)
    print("".join(sign if sign.isprintable() or sign == "\n" else escape(sign) for sign in text), flush=True)


def escape(sign: str) -> str:
    return json.dumps(sign)[1:-1]


def write_facts(place: Path | None, facts: Callable[[], Any]) -> None:
    """The same in a file, if one is named."""
    if place is None or place == ON_OUTPUT:
        return
    from ..runs.writing import make_parent, write_json

    check_place(place)
    make_parent(place)
    write_json(place, to_json(facts()))


def written_file(place: Path | None) -> list[str]:
    """The file's name, where one is written, as it is told."""
    return [] if place is None or place == ON_OUTPUT else [escape_unprintable(place)]


def to_json(value: Any) -> Any:
    """A value as JSON has it: dataclasses and named tuples by their fields, numbers that are none as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key_text(key): to_json(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return to_json(value._asdict())
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def key_text(key: object) -> str:
    """A name; a size, which is a pair of numbers, as 32x48."""
    return "x".join(map(str, key)) if isinstance(key, tuple) else str(key)
