"""What nobody should send to `saddle serve`: refused in a sentence, without a traceback, and it goes on serving."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from saddle import load
from saddle.cli import main
from saddle.serve import create_app
from saddle.serve.guard import LOOPBACK
from saddle.serve.limits import Limits
from serving import in_base64, noise, serving, train_plain

LIMITS = Limits(n=8, pixels=4096, body=200_000, queue=16, seconds=20, steps=50)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_plain(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def client(run: Path) -> Iterator[TestClient]:
    app = serving(run, limits=LIMITS, hosts=LOOPBACK)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(autouse=True)
def still_well(client: TestClient) -> Iterator[None]:
    """Whatever was sent, the next one is served."""
    yield
    assert client.post("/samples", json={"seed": 1}).status_code == 200


def refused(answer: Any, code: int, *words: str) -> str:
    """The sentence of a refusal: one line that a terminal shows as it is, without anything of Python's."""
    assert answer.status_code == code, answer.text
    assert set(answer.json()) == {"error"}
    sentence: str = answer.json()["error"]
    assert sentence.isprintable() and len(sentence) < 1100 and "Traceback" not in sentence and ".py" not in sentence
    for word in words:
        assert word in sentence, sentence
    return sentence


def send(client: TestClient, body: str | bytes, path: str = "/samples", **headers: str) -> Any:
    return client.post(path, content=body, headers={"Content-Type": "application/json", **headers})


BODIES = [
    ("[" * 90_000 + "]" * 90_000, "no JSON"),
    ('{"n":' * 20_000 + "1" + "}" * 20_000, "no JSON"),
    ("{", "no JSON"),
    ("nonsense", "no JSON"),
    (b"\xff\xfe\x00", "no JSON"),
    ('{"n": 1', "no JSON"),
    ("[]", "the request"),
    ("3", "the request"),
    ("null", "the request"),
    ('{"n": NaN}', "n: "),
    ('{"n": Infinity}', "n: "),
    ('{"n": -Infinity}', "n: "),
    ('{"n": 1e999}', "n: "),
    ('{"n": 1.5}', "n: "),
    ('{"n": "1"}', "n: "),
    ('{"n": true}', "n: "),
    ('{"n": null}', "n: "),
    ('{"n": [1]}', "n: "),
    ('{"n": 0}', "n: input should be greater than or equal to 1"),
    ('{"n": -1}', "n: input should be greater than or equal to 1"),
    ('{"n": 9}', "n: input should be less than or equal to 8"),
    ('{"n": 1' + "0" * 5000 + "}", "number out of range"),
    ('{"seed": -1}', "seed: "),
    ('{"seed": 1e3}', "seed: "),
    ('{"seed": 18446744073709551616}', "seed: "),
    ('{"first": 99999999999999999999999}', "first: "),
    ('{"label": "ant"}', "not trained on labels"),
    ('{"label": 0}', "not trained on labels"),
    ('{"label": {"$ne": 1}}', "label"),
    ('{"label": "\\u001b[31mred\\u0007"}', "\\x1b[31mred\\x07"),
    ('{"label": "\\ud800"}', ""),
    ('{"text": "a"}', "not trained on captions"),
    ('{"truncation": 1e308, "__class__": {}}', ""),
    ('{"../../etc/passwd": 1}', "there is no such field; there are seed, n, first, label, text"),
    ('{"\\u001b]0;owned\\u0007": 1}', "\\x1b]0;owned\\x07: there is no such field"),
    (json.dumps({"label": "x" * 100_000}), "label"),
]


@pytest.mark.parametrize(("body", "word"), BODIES, ids=range(len(BODIES)))
def test_json_that_says_no_such_thing_is_refused(client: TestClient, body: str | bytes, word: str):
    refused(send(client, body), 422, word)


def test_the_largest_seed_and_place_are_served(client: TestClient):
    assert send(client, f'{{"seed": {2**63 - 1}, "first": {2**53 - 1}}}').status_code == 200
    assert send(client, b"").status_code == 200  # nothing is asked for: one sample


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int) -> bytes:
    """A PNG that says that it has so many pixels a side, all black."""
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(min(side * (side + 1), 1 << 20)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def with_text(size: int) -> bytes:
    """A PNG with a compressed text that unpacks to so many bytes."""
    plain = noise()
    return plain[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(size), 9)) + plain[33:]


def saved(kind: str, array: np.ndarray, **how: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(array).save(file, kind, **how)
    return file.getvalue()


PICTURES = [
    (b"", "it is empty"),
    (b"hello", "it is no picture"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>", "it is XML or SVG"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n", "it is no picture"),
    (noise()[:100], "truncated"),
    (noise()[:40], "picture 1"),
    (bomb(65), "it has 4,225 pixels, and 4,096 are the most here"),
    (bomb(12_000), "pixels"),
    (bomb(60_000), "pixels"),
    (with_text(90_000_000), "picture 1"),
    (saved("ICO", np.zeros((16, 16), np.uint8)), "it is no picture"),
    (saved("TIFF", np.full((16, 16), np.nan, np.float32)), "picture 1"),
    (saved("TIFF", np.full((16, 16), np.inf, np.float32)), "picture 1"),
    (b"GIF89a" + b"\xff" * 40, "picture 1"),
    (b"II*\0" + b"\xff" * 60, "picture 1"),
    (b"\xff\xd8\xff" + b"\0" * 60, "picture 1"),
    (b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\xff" * 30, "picture 1"),
]


@pytest.mark.parametrize(("blob", "word"), PICTURES, ids=range(len(PICTURES)))
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning", "ignore:.*EXIF:UserWarning",
                            "ignore:Truncated:UserWarning", "ignore:Corrupt:UserWarning")  # fmt: skip
def test_what_is_no_picture_or_too_large_is_refused(client: TestClient, blob: bytes, word: str):
    asked = json.dumps({"images": [in_base64(blob)]})
    sentence = refused(send(client, asked, "/score"), 422, word)
    form = client.post("/score", files={"images": ("\x1b[2J../../x.png", blob)})
    assert refused(form, 422) == sentence and "x.png" not in sentence
    refused(send(client, asked, "/complete"), 422)


def test_pictures_share_the_pixels_of_a_request(client: TestClient):
    asked = {"images": [in_base64(noise(50)), in_base64(noise(50))]}
    refused(client.post("/score", json=asked), 422, "picture 2: it has 2,500 pixels, and 1,596 are the most here")
    assert client.post("/score", json={"images": asked["images"][:1]}).status_code == 200


FIELDS = [
    ("/score", {"images": []}, "images: "),
    ("/score", {"images": [""] * 9}, "images: "),
    ("/score", {"images": "x"}, "images: "),
    ("/score", {"images": [1]}, "images.0: "),
    ("/score", {}, "images: field required"),
    ("/score", {"images": ["not base64!"]}, "it is no base64"),
    ("/score", {"images": ["data:image/png;base64,é"]}, "it is no base64"),
    ("/score", {"images": ["../../etc/passwd"]}, "it is no base64"),
    ("/score", {"images": ["file:///etc/passwd"]}, "it is no base64"),
    ("/complete", {"mask": "../../../../etc/passwd"}, "there is no mask and no file"),
    ("/complete", {"mask": "/etc/passwd"}, "there is no mask and no file"),
    ("/complete", {"mask": "/dev/zero"}, "there is no mask and no file"),
    ("/complete", {"mask": "box:nan,0,4,4"}, "a box lies within the image"),
    ("/complete", {"mask": "box:0,0,1e999,4"}, "a box lies within the image"),
    ("/complete", {"mask": "box:0,0,16,16"}, "hides every pixel"),
    ("/complete", {"mask": "line:nan,nan,nan,nan:3"}, "hides no pixel"),
    ("/complete", {"mask": "line:1,1,2,2:inf"}, "hides every pixel"),
    ("/complete", {"mask": "random:nan"}, "no share"),
    ("/complete", {"mask": "random:-1e308"}, "no share"),
    ("/complete", {"mask": "\u001b[31m"}, "\\x1b[31m"),
    ("/complete", {"mask": "+" * 999}, "there is no mask"),
    ("/complete", {"mask": "left+" * 900}, "mask: string should have at most"),
    ("/complete", {"mask_image": in_base64(noise(8))}, "it has 8x8 pixels, and this run's pictures 16x16"),
    ("/complete", {"mask_image": in_base64(bomb(60_000))}, "the mask: "),
    ("/complete", {"steps": 51}, "steps: "),
    ("/complete", {"steps": 10**30}, "steps: "),
    ("/complete", {"restarts": 2, "answers": 3}, "3 answers of 2 restarts"),
    ("/complete", {"label": "ant"}, "not trained on labels"),
]


@pytest.mark.parametrize(("path", "asked", "word"), FIELDS, ids=range(len(FIELDS)))
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_fields_that_cannot_be_are_refused(client: TestClient, path: str, asked: dict[str, Any], word: str):
    more = {"images": [in_base64(noise())]} if path == "/complete" else {}
    refused(client.post(path, json=asked | more), 422, word)


def test_forms_that_cannot_be_are_refused(client: TestClient):
    blob = ("a.png", noise())
    refused(client.post("/score", files={"../../x": blob}), 422, "a field that takes none")
    refused(client.post("/samples", files={"images": blob}), 422, "no field here")
    refused(client.post("/score", files=[("images", blob)] * 9), 422, "more than the 8 pictures")
    refused(client.post("/score", files=[("images", blob)] * 12), 422, "the form cannot be read")
    refused(client.post("/score", files={"images": blob}, data={"images": "x"}), 422, "twice")
    refused(client.post("/score", files={"images": blob}, data={"seed": ["1", "2"]}), 422, "twice")
    refused(client.post("/score", files={"images": blob}, data={"seed": "nan"}), 422, "seed: ")
    refused(client.post("/score", files={"images": blob}, data={f"f{i}": "x" for i in range(80)}), 422, "the form")
    refused(client.post("/complete", files=[("images", blob)] + [("mask_image", blob)] * 2), 422, "several masks")
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"nonsense", b"--x\r\n\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\nq\r\n--x--"):
        assert client.post("/score", content=body, headers=broken).status_code == 422
    refused(client.post("/score", content=b"x", headers={"Content-Type": "multipart/form-data"}), 422, "the form")


def test_bodies_of_another_kind_or_too_large_are_refused(client: TestClient):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", "\tapplication/json\x0b/x"):
        refused(client.post("/samples", content=b"{}", headers={"Content-Type": kind}), 415, "Content-Type")
    refused(send(client, b" " * 200_001), 413, "200,000 bytes at most")
    refused(client.post("/samples", content=iter([b" " * 100_000] * 30)), 413, "200,000 bytes at most")  # chunked
    refused(send(client, b"{}", **{"Content-Length": "99999999999"}), 413, "200,000 bytes at most")


def test_other_hosts_and_pages_of_other_sites_are_refused(client: TestClient):
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::1", "127.0.0.1@evil"):
        assert client.get("/health", headers={"Host": host}).status_code == 421, host
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"):
        assert client.get("/health", headers={"Host": host}).status_code == 200, host
    for origin in (
        "http://evil.example",
        "null",
        "http://127.0.0.1.evil.example",
        "//",
        "http://[",
        "http://127.0.0.1:81",
    ):
        refused(send(client, b"{}", Origin=origin), 403, "another site")
    assert send(client, b"{}", Origin="http://127.0.0.1").status_code == 200
    answer = client.options("/samples", headers={"Origin": "http://127.0.0.1", "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 405 and "access-control-allow-origin" not in answer.headers


PATHS = [
    "/../../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/samples/..%5c..%5c",
    "/%00",
    "/%1b%5b31m",
    "/docs/../../etc/passwd",
    "/samples/",
    "//etc/passwd",
    "/health/../../x",
    "/" + "a" * 5000,
]


@pytest.mark.parametrize("path", PATHS)
def test_paths_lead_nowhere_else(client: TestClient, path: str):
    for answer in (client.get(path, follow_redirects=False), client.post(path, json={}, follow_redirects=False)):
        refused(answer, 404, "nothing at this path")


def test_metrics_know_no_paths_that_somebody_made_up(client: TestClient):
    client.get("/made-up-by-somebody")
    assert "made-up" not in client.get("/metrics").text


def test_what_fails_unforeseen_is_told_without_why(run: Path, monkeypatch: pytest.MonkeyPatch):
    app = serving(run, limits=LIMITS)

    def broken(kind: Any, rows: Any) -> Any:
        raise ZeroDivisionError("/secret/path is what was divided")

    monkeypatch.setattr(app.service.quick, "work", broken)
    with TestClient(app, raise_server_exceptions=False) as client:
        sentence = refused(client.post("/samples", json={}), 500, "the server's log says what")
        assert "secret" not in sentence


def test_bodies_that_are_held_at_once_are_bounded(run: Path, monkeypatch: pytest.MonkeyPatch):
    app = serving(run, limits=Limits(body=1000, bodies=1))
    with TestClient(app) as client:
        app.guarded.app.held = 900  # type: ignore[attr-defined]  # of requests that are not answered yet
        answer = send(client, b" " * 200)
        refused(answer, 429, "too much is sent")
        assert answer.headers["retry-after"] == "1"
        app.guarded.app.held = 0  # type: ignore[attr-defined]
        assert send(client, b"{}").status_code == 200 and app.guarded.app.held == 0  # type: ignore[attr-defined]


def test_numbers_that_are_none_are_not_passed_on(run: Path, monkeypatch: pytest.MonkeyPatch):
    app = serving(run)
    work = app.service.quick.work
    monkeypatch.setattr(app.service.quick, "work", lambda kind, rows: [one * float("nan") for one in work(kind, rows)])
    with TestClient(app) as client:
        for accept in ("application/json", "image/png", "application/x-npy"):
            refused(send(client, b"{}", Accept=accept), 422, "no finite numbers")
        refused(client.post("/score", json={"images": [in_base64(noise())]}), 422, "no finite numbers")


COMMANDS = [
    ("--port 99999", "port is 99999, but should be 0 to 65535"),
    ("--token short", "a token has 12 signs or more"),
    ("--token aaaaaaaaaaaaaaaa\u00e9", "a token has 12 signs or more"),
    ("--batch 0", "batch is 0, but should be 1 to 64"),
    ("--timeout nan", "timeout"),
    ("--grace inf", "grace"),
    ("--queue 0", "queue is 0, but should be above 0"),
    ("--max-n 1000", "raise --queue"),
    ("--host 203.0.113.7", "--port 0 takes any that is free"),
    ("--host no.such.host.invalid", "no.such.host.invalid"),
]


@pytest.mark.parametrize(("words", "said"), COMMANDS)
def test_commands_that_cannot_be_are_refused(run: Path, words: str, said: str, capsys: pytest.CaptureFixture[str]):
    assert main(["serve", str(run), *words.split()]) == 2
    assert said in capsys.readouterr().err


def test_a_wrong_token_of_the_environment_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.setenv("SADDLE_TOKEN", "")
    assert main(["serve", str(run), "--port", "0"]) == 2 and "openssl rand -hex 16" in capsys.readouterr().err


def test_a_server_without_its_extra_says_how_it_is_installed(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    from saddle import serve

    monkeypatch.setattr(serve, "NEEDED", ("fastapi", "no_such_package_at_all"))
    assert main(["serve", str(run)]) == 2
    said = capsys.readouterr().err
    assert "serving needs no_such_package_at_all, which is not installed; pip install" in said and "[serve]" in said


def test_names_that_are_no_text_for_a_page_or_a_terminal_are_shown_as_text(run: Path, tmp_path: Path):
    place = tmp_path / "<script>alert(1)<\x1b[31m"
    shutil.copytree(run, place)
    loaded = load(place, device="cpu")
    loaded.classes = ("<img src=x onerror=alert(1)>", "\x1b]0;owned\x07", *loaded.classes[2:])
    with TestClient(create_app(loaded, place)) as client:
        page = client.get("/docs").text
        assert "<script" not in page and "<img" not in page and "&lt;script&gt;alert(1)&lt;\\x1b[31m" in page
        for path in ("/docs", "/openapi.json", "/health"):
            assert "\x1b" not in client.get(path).text and "\x07" not in client.get(path).text
