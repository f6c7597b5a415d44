"""What may be done to a file or to a run's folder, drawn at random."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

NAMES = """
    manifest.json log.jsonl timing.jsonl health.jsonl measures.jsonl .lock curves.png sheets checkpoints progress.png
    progress.gif quality.png report.html sheets/0000000004.png sheets/real.png
    """.split()  # noqa: SIM905
JSON = [None, True, 0, -1, 1e308, float("nan"), float("inf"), "", "x" * 10_000, "\x00", "\ud800", [], {}, [[]],
        {"a": {}}, 10**400, "../../outside/secret", "<script>alert(1)</script>", "nan", [1] * 1000]  # fmt: skip


def damage(path: Path, dice: random.Random) -> str:
    """Do to a file what disks, copies and people do; returns what it was."""
    data = bytearray(path.read_bytes())
    place = dice.randrange(len(data) + 1)
    kinds: dict[str, Callable[[], bytes]] = {
        "emptied": lambda: b"",
        "cut": lambda: bytes(data[:place]),
        "zeros in it": lambda: bytes(data[:place] + bytes(min(64, len(data) - place)) + data[place + 64 :]),
        "noise in it": lambda: bytes(data[:place] + dice.randbytes(dice.choice([1, 4, 100])) + data[place + 4 :]),
        "longer": lambda: bytes(data) + dice.randbytes(dice.choice([1, 100, 5000])),
        "a bit flipped": lambda: flipped(data, dice),
        "noise": lambda: dice.randbytes(dice.choice([1, 10, 1000])),
        "another's": lambda: dice.choice(sorted(p for p in path.parent.rglob("*") if p.is_file())).read_bytes(),
    }
    if path.suffix in (".json", ".jsonl"):
        kinds |= {f"JSON {i}": lambda: rewritten(bytes(data), dice) for i in range(6)}
    how = dice.choice([*kinds])
    path.write_bytes(kinds[how]())
    return f"({how}, at {place} of {len(data)})"


def flipped(data: bytearray, dice: random.Random) -> bytes:
    if data:
        place = dice.randrange(min(len(data), dice.choice([128, len(data)])))
        data[place] ^= 1 << dice.randrange(8)
    return bytes(data)


def rewritten(text: bytes, dice: random.Random) -> bytes:
    """JSON with one value in it replaced, dropped or wrapped; deep nesting now and then."""
    if dice.random() < 0.05:
        return b"[" * 100_000 + b"]" * 100_000
    try:
        lines = [json.loads(line) for line in text.splitlines()] if text.count(b"\n{") else [json.loads(text)]
    except ValueError:
        return text[::-1]
    if lines:
        number = dice.randrange(len(lines))
        lines[number] = changed(lines[number], dice)
    return b"\n".join(json.dumps(line).encode("utf-8", "surrogatepass") for line in lines) + b"\n"


def changed(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = dice.choice([*value])
        if dice.random() < 0.15:
            return {k: v for k, v in value.items() if k != key} | ({"more": 1} if dice.random() < 0.5 else {})
        return value | {key: changed(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.7:
        place = dice.randrange(len(value))
        return [*value[:place], changed(value[place], dice), *value[place + 1 :]]
    return dice.choice(JSON)


def hostile(run: Path, outside: Path, dice: random.Random) -> str:
    """Make one thing in a run folder what it should not be; returns what."""
    checkpoints = [f"checkpoints/{path.name}" for path in (run / "checkpoints").glob("*")]
    target = run / dice.choice([*NAMES, *checkpoints])
    kind = dice.choice(
        [
            "link",
            "link",
            "folder link",
            "hard link",
            "fifo",
            "folder",
            "gone",
            "socket",
            "manifest",
            "manifest",
            "evil",
            "draft",
        ]
    )
    if kind == "draft":  # a folder named as a file that is not whole yet
        place = run / dice.choice([".draft-x", "checkpoints/.draft-x", "checkpoints/healthy-000000000001.safetensors"])
        with suppress(OSError):
            place.mkdir()
        return f"{place.name} is a folder"
    if kind in ("manifest", "evil"):
        path = run / "manifest.json"
        if not path.is_file() or path.is_symlink():
            return "nothing"
        if kind == "manifest":
            path.write_bytes(rewritten(path.read_bytes(), dice))
        else:
            try:
                facts = json.loads(path.read_text())
                facts["name"] = f"{dice.choice([str(outside), '../../outside'])}/evil.py:DCGAN"
                path.write_text(json.dumps(facts))
            except (ValueError, TypeError):
                return "nothing"
        return kind
    if not target.parent.is_dir() or target.parent.is_symlink():
        return "nothing"
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    elif target.is_symlink() or target.exists():
        target.unlink()
    made = {
        "link": lambda: target.symlink_to(outside / dice.choice(["secret", "picture.png", "new"])),
        "folder link": lambda: target.symlink_to(outside),
        "hard link": lambda: os.link(outside / dice.choice(["secret", "picture.png"]), target),
        "fifo": lambda: os.mkfifo(target),
        "folder": lambda: target.mkdir(),
        "gone": lambda: None,
        "socket": lambda: bound(target),
    }
    made[kind]()
    return f"{target.name} is a {kind}"


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
