"""`saddle serve` as a process of its own: raw bytes, many sessions, signals, and what it says."""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from saddle.errors import Failure
from saddle.serve.server import bind, is_loopback, serve_app
from serving import TOKEN, in_base64, noise, train_plain

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "serving.py"
spec = importlib.util.spec_from_file_location("benchmark_of_serving", BENCHMARK)
assert spec is not None and spec.loader is not None
benchmark = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = benchmark  # where dataclasses look themselves up
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(BENCHMARK.parent)  # where what it shares with others lies
    spec.loader.exec_module(benchmark)
Asked, Served, ask, describe, load, served = (
    getattr(benchmark, name) for name in ("Asked", "Served", "ask", "describe", "load", "served")
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_plain(tmp_path_factory.mktemp("process"))


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[Any]:
    """One that others share, and that ends with 0 after all that they did to it, having said nothing."""
    with served(run, "--max-body", "1", "--timeout", "2", "--max-steps", "400") as made:
        assert is_loopback(made.host)  # and said nothing of others
        yield made
        assert made.end() == (0, "all that was taken on is done\n")


def sent(server: Any, raw: bytes, wait: float = 10.0) -> bytes:
    """What comes back of raw bytes until the other side ends, or is silent."""
    found = b""
    with socket.create_connection((server.host, server.port), timeout=wait) as line:
        line.sendall(raw)
        try:
            while part := line.recv(65536):
                found += part
        except (TimeoutError, ConnectionError):
            pass
    return found


def code_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def post(head: bytes, body: bytes = b"{}", length: bytes | None = None) -> bytes:
    size = str(len(body)).encode() if length is None else length
    return (b"POST /samples HTTP/1.1\r\nContent-Type: application/json\r\nConnection: close\r\n" + head
            + b"Content-Length: " + size + b"\r\n\r\n" + body)  # fmt: skip


HOST = b"Host: 127.0.0.1\r\n"
RAW = [
    (post(HOST), 200),
    (post(b""), 400),  # no host
    (post(HOST + b"Host: evil.example\r\n"), 400),
    (post(b"Host: evil.example\r\n"), 421),
    (post(b"Host: evil.example\r\nX-Forwarded-Host: 127.0.0.1\r\nForwarded: host=127.0.0.1\r\n"), 421),
    (post(HOST + b"Origin: http://evil.example\r\n"), 403),
    (post(HOST, length=b"-1"), 400),
    (post(HOST, length=b"2, 3"), 400),
    (post(HOST, length=b"+2"), 400),
    (post(HOST, length=b"99999999999999999999999999"), 400),
    (post(HOST, length=b"99999999999"), 413),
    (post(HOST + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 200),  # chunks count, and the rest is no request
    (post(HOST + b"Transfer-Encoding: gzip\r\n"), 400),
    (post(HOST + b"X: " + b"a" * 70_000 + b"\r\n"), 431),
    (post(HOST + b"X\r\n"), 400),
    (post(HOST + b"X: a\x00b\r\n"), 400),
    (post(HOST + b" folded: x\r\n"), 421),  # it belongs to the line before
    (post(HOST + b"Accept: " + b"a/b;q=1e999," * 1000 + b"*/*\r\n"), 200),
    (b"GET /../../etc/passwd HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 404),
    (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 404),
    (b"GET http://evil.example/health HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 404),
    (b"GET /\x1b[31m HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 400),
    (b"CONNECT evil.example:443 HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 404),
    (b"TRACE /samples HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 405),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS
    (b"GET /health HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\nSec-WebSocket-Version: 13\r\n"
     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + HOST + b"\r\n", 200),  # as if it were not asked
]  # fmt: skip


@pytest.mark.parametrize(("raw", "code"), RAW, ids=range(len(RAW)))
def test_raw_requests_are_answered_or_refused_by_their_code(server: Any, raw: bytes, code: int):
    answer = sent(server, raw, 2.0)
    assert code_of(answer) == code, answer[:300]
    assert b"Traceback" not in answer and b"server:" not in answer.lower() and b"root:" not in answer


def test_broken_forms_and_pictures_fill_no_log(server: Any):
    """What the shared server says at its end is compared: nothing of these."""
    form = post(HOST, b"nonsense").replace(b"application/json", b"multipart/form-data; boundary=x")
    assert code_of(sent(server, form)) == 422
    large = BytesIO()
    Image.new("1", (12_000, 12_000)).save(large, "PNG")
    raw = post(HOST, json.dumps({"images": [in_base64(large.getvalue())]}).encode()).replace(b"/samples", b"/score")
    assert b"it has 144,000,000 pixels, and 4,000,000 are the most here" in sent(server, raw)


def test_a_body_that_never_ends_is_given_up(server: Any):
    begin = time.monotonic()
    answer = sent(server, post(HOST, b"{", b"1000"))
    assert code_of(answer) == 504 and b"longer than the 2 s" in answer and 1.5 < time.monotonic() - begin < 8


def test_who_hangs_up_is_not_worked_for(server: Any):
    body = json.dumps({"images": [in_base64(noise(16))] * 2, "steps": 400, "restarts": 16, "candidates": 64}).encode()
    raw = post(HOST, body).replace(b"/samples", b"/complete")
    with socket.create_connection((server.host, server.port)) as line:
        line.sendall(raw)
        time.sleep(0.3)
    begin = time.monotonic()
    while metric(server, 'saddle_waiting_rows{lane="slow"}') and time.monotonic() - begin < 2:
        time.sleep(0.02)
    assert metric(server, "saddle_dropped_rows_total") >= 1  # the second picture was never begun


def metric(server: Any, name: str) -> float:
    connection = server.connect()
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def test_sessions_at_once_get_the_answers_that_they_get_alone_and_memory_stays(server: Any):
    tally = load(server, sessions=12, seconds=2.0, most=6_000)
    said = describe("", tally)
    assert set(tally.codes) <= {200, 429} and tally.codes[200] > 100, said
    assert tally.wrong == 0 and not tally.faults, said
    third = len(tally.memory) // 3
    assert max(tally.memory[-third:]) < 1.1 * max(tally.memory[:third]) + 4096, said
    passes = metric(server, 'saddle_pass_rows_count{lane="quick"}')
    assert metric(server, 'saddle_pass_rows_sum{lane="quick"}') > 1.5 * passes  # they did share passes


def test_one_that_answers_everybody_says_so_asks_for_the_token_and_finishes_what_it_took_on(run: Path):
    with served(run, "--host", "0.0.0.0", "--token", TOKEN, "--grace", "20") as server:
        warned = server.process.stderr.readline()
        asked = "everybody who can reach this machine, who brings the token"
        assert warned == f"this server answers {asked}, and encrypts nothing\n"
        assert code_of(sent(server, post(b"Host: any.example\r\n"))) == 401
        right = b"Host: any.example\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n"
        assert code_of(sent(server, post(right))) == 200
        picture = {"images": [in_base64(noise(16))], "steps": 150, "restarts": 4, "candidates": 8}
        raw = post(right, json.dumps(picture).encode()).replace(b"/samples", b"/complete")
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(code_of(sent(server, raw)))) for _ in range(3)]
        for thread in threads:
            thread.start()
        while b'"slow":0' in sent(server, b"GET /health HTTP/1.1\r\nConnection: close\r\n" + right + b"\r\n"):
            time.sleep(0.01)
        code, said = server.end()
        for thread in threads:
            thread.join()
        assert found == [200, 200, 200] and (code, said) == (0, "all that was taken on is done\n")
        with pytest.raises(OSError):
            socket.create_connection((server.host, server.port), timeout=1).close()


def test_what_is_not_done_within_grace_is_said(run: Path):
    with served(run, "--grace", "1", "--timeout", "60") as server:
        picture = {"images": [in_base64(noise(16))] * 8, "steps": 1000, "restarts": 32}
        body = json.dumps(picture).encode()
        with socket.create_connection((server.host, server.port)) as line:
            line.sendall(post(HOST, body).replace(b"/samples", b"/complete"))
            time.sleep(0.5)
            code, said = server.end()
        end = "saddle: 1 request not done as this server ended; a longer --grace waits for more\n"
        assert code == 1 and said.endswith(end) and "Traceback" not in said


def test_a_port_that_is_taken_is_refused(server: Any, run: Path, capsys: pytest.CaptureFixture[str]):
    from saddle.cli import main

    assert main(["serve", str(run), "--port", str(server.port)]) == 2
    assert "--port 0 takes any that is free" in capsys.readouterr().err


def test_a_pass_that_is_not_left_ends_with_the_process(monkeypatch: pytest.MonkeyPatch):
    """Python itself would abort at its end, with a thread of torch's at work."""
    stuck = SimpleNamespace(guarded=SimpleNamespace(cancelled=2), close=lambda seconds: False)
    left: list[int] = []
    said: list[str] = []
    monkeypatch.setattr("os._exit", left.append)
    monkeypatch.setattr("saddle.serve.server.Server.run", lambda *of, **how: None)
    with pytest.raises(Failure), bind("127.0.0.1", 0) as bound:
        serve_app(stuck, bound, 1.0, lambda: None, said.append)  # type: ignore[arg-type]
    assert left == [1] and said == ["saddle: 2 requests not done as this server ended; a longer --grace waits for more"]


def test_small_answers_are_sent_at_once():
    """Asyncio turns Nagle's algorithm off for sockets that say that they are TCP: else each answer takes 40 ms."""
    with bind("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP


def test_addresses_of_this_machine_are_known():
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.9.9.9")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "example.org", "")] == [False] * 5
