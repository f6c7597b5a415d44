"""Many sessions at once against `saddle serve`: rates, latencies, memory, and is each answer the one that it is alone?

`python benchmarks/serving.py RUN` starts a server on this machine, asks it some requests one by one, and then lets 50
sessions ask them again and again for a minute, mixed; each answer is compared with the one alone, byte by byte. It does
so with passes as the server chooses them, and without batching (`--batch 1`), and prints a line for each. Without RUN
it trains dcgan on glyphs for a minute first. Everything is bounded: seconds, and requests in all.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image
from visitors import let_visit, resident_kb

NPY = "application/x-npy"
START = 120.0  # seconds that a server has to start


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    body: bytes
    accept: str


@dataclass
class Tally:
    """What all sessions saw."""

    codes: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)  # of answers that were given
    rows: int = 0
    wrong: int = 0  # answers that differ from those alone
    faults: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)  # kB of the server, over time
    lasted: float = 0.0


class Served:
    """A server of its own process."""

    def __init__(self, run: Path, words: Sequence[str]) -> None:
        command = [sys.executable, "-m", "saddle", "serve", str(run), "--port", "0", *words]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        said, begin = "", time.monotonic()
        assert self.process.stderr is not None
        while " at http://" not in said:
            said = self.process.stderr.readline()
            if not said or time.monotonic() - begin > START:
                raise SystemExit(f"the server did not start: {said}")
        self.address = said.split(" at ")[1].split(";")[0]
        place = urlsplit(self.address)
        self.host, self.port = place.hostname or "", place.port or 0

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=60)

    def memory(self) -> int:
        """kB in memory; 0 where the system does not say."""
        return resident_kb(self.process.pid)

    def end(self) -> tuple[int, str]:
        """The exit code of a server that is asked to end, and what it said last."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@contextlib.contextmanager
def served(run: Path, *words: str) -> Iterator[Served]:
    server = Served(run, words)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()


def ask(connection: http.client.HTTPConnection, asked: Asked) -> tuple[int, bytes, str]:
    """The code, the body, and when to come again."""
    headers = {"Content-Type": "application/json", "Accept": asked.accept}
    connection.request("POST", asked.path, asked.body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers.get("Retry-After", "")


def requests_for(health: dict[str, Any], classes: int, count: int, side: int, completions: int) -> list[Asked]:
    """Different requests of what a run offers: seeds, numbers, labels, forms."""
    dice, found = random.Random(0), []
    noise = np.random.default_rng(0)
    while len(found) < count:
        file = BytesIO()
        Image.fromarray(noise.integers(0, 256, (side, side), np.uint8)).save(file, "PNG")
        body: dict[str, Any] = {"images": [base64.b64encode(file.getvalue()).decode()], "seed": len(found)}
        if "complete" in health["offers"] and len(found) < completions:
            found.append(Asked("/complete", json.dumps(body | {"steps": 20, "candidates": 32}).encode(), NPY))
            continue
        if "score" in health["offers"] and len(found) % 5 == 4:
            found.append(Asked("/score", json.dumps(body).encode(), "application/json"))
            continue
        body = {"n": dice.choice((1, 1, 1, 2, 4)), "seed": dice.randrange(10**6), "first": dice.randrange(100)}
        body |= {"label": dice.randrange(classes)} if classes and len(found) % 2 else {}
        found.append(
            Asked("/samples", json.dumps(body).encode(), (NPY, "image/png", "application/json")[len(found) % 3])
        )
    return found


def session(server: Served, alone: dict[Asked, bytes], tally: Tally, until: float, most: int, seed: int,
            lock: threading.Lock) -> None:  # fmt: skip
    """One session: a connection that asks again as soon as it is answered."""
    dice, choices = random.Random(seed), list(alone)
    connection = server.connect()
    for _ in range(most):
        if time.monotonic() >= until:
            break
        asked = dice.choice(choices)
        begin = time.perf_counter()
        try:
            code, body, again = ask(connection, asked)
        except (OSError, http.client.HTTPException) as error:
            with lock:
                tally.faults.append(repr(error))
            connection.close()
            continue
        seconds = time.perf_counter() - begin
        with lock:
            tally.codes[code] += 1
            if code == 200:
                tally.seconds.append(seconds)
                tally.rows += json.loads(asked.body).get("n", 1)
                tally.wrong += body != alone[asked]
            elif code != 429:
                tally.faults.append(f"{code}: {body[:200]!r}")
        if code == 429:
            time.sleep(min(1.0, float(again)))
    connection.close()


def load(server: Served, sessions: int, seconds: float, most: int, kinds: int = 40, completions: int = 0) -> Tally:
    """What sessions at once see, beside what each request is answered alone."""
    connection = server.connect()
    connection.request("GET", "/health")
    health = json.loads(connection.getresponse().read())
    connection.request("GET", "/openapi.json")
    facts = json.loads(connection.getresponse().read())
    example = facts["paths"]["/samples"]["post"]["requestBody"]["content"]["application/json"]["example"]
    single = Asked("/samples", b'{"seed": 1}', NPY)
    side = np.load(BytesIO(ask(connection, single)[1]), allow_pickle=False).shape[-1]
    asked = requests_for(health, 3 if "label" in example else 0, kinds, side, completions)
    alone = {}
    for one in asked:
        code, alone[one], _ = ask(connection, one)
        assert code == 200, alone[one]
    connection.close()
    tally, lock, begin = Tally(), threading.Lock(), time.monotonic()
    threads = [threading.Thread(target=session, args=(server, alone, tally, begin + seconds, most // sessions, i, lock))
               for i in range(sessions)]  # fmt: skip
    tally.memory += let_visit(threads, server.memory, seconds)
    tally.lasted = time.monotonic() - begin
    return tally


def describe(name: str, tally: Tally) -> str:
    """A line of figures."""
    p50, p95, p99 = (1000 * float(np.quantile(tally.seconds or [0.0], q)) for q in (0.5, 0.95, 0.99))
    third = max(1, len(tally.memory) // 3)
    early, late = np.median(tally.memory[third : 2 * third] or [0]) / 1024, np.median(tally.memory[-third:]) / 1024
    count = sum(tally.codes.values())
    return (f"{name}: {count / tally.lasted:.0f} requests/s, {tally.rows / tally.lasted:.0f} rows/s, latency "
            f"{p50:.0f} / {p95:.0f} / {p99:.0f} ms (50, 95, 99 %), codes {dict(tally.codes)}, wrong answers "
            f"{tally.wrong}, faults {len(tally.faults)}, memory {early:.0f} then {late:.0f} MB")  # fmt: skip


def latency_alone(server: Served, count: int = 50) -> float:
    """Milliseconds, by the median, of one sample that nobody else asks beside."""
    connection, found = server.connect(), []
    for i in range(count):
        begin = time.perf_counter()
        ask(connection, Asked("/samples", json.dumps({"seed": i}).encode(), NPY))
        found.append(1000 * (time.perf_counter() - begin))
    connection.close()
    return float(np.median(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--requests", type=int, default=200_000, help="of all sessions together, at most")
    parser.add_argument("--completions", type=int, default=0, help="of 40 requests, so many")
    parser.add_argument(
        "--batches", nargs="+", default=["auto", "1"], help="rows of a pass; auto: as the server chooses"
    )
    asked = parser.parse_args()
    run = asked.run
    if run is None:
        from saddle import train

        run = train("dcgan", minutes=1, quiet=True)
    for batch in asked.batches:
        with served(run, *([] if batch == "auto" else ["--batch", batch])) as server:
            alone = latency_alone(server)
            tally = load(server, asked.sessions, asked.seconds, asked.requests, completions=asked.completions)
            print(describe(f"batch {batch}, alone {alone:.1f} ms", tally), flush=True)
            for fault in tally.faults[:5]:
                print("  ", fault)
            code, said = server.end()
            print(f"   ended with {code}: {said.strip()}", flush=True)
    sys.exit(os.EX_OK)


if __name__ == "__main__":
    main()
