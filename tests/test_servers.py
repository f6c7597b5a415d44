"""Data and runs on a server of S3's and on one of the web, both on this machine."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_files import pictures
from saddle import load, resume, train
from saddle.cli import main
from saddle.data import Prepare, open_data
from saddle.data.readers.remote import read_part
from saddle.errors import Interrupted, Mistake
from saddle.runs.remote import MARKER
from test_on_the_fly import bits
from test_remote_runs import TOY
from test_resume import StopAt
from test_shards import png, sample, tar

WHY = "an S3 server is played by moto and asked by s3fs: pip install -e '.[test]'"
MINE = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
SET = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none"}


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = pytest.importorskip("moto.server", reason=WHY).ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    pytest.importorskip("s3fs", reason=WHY)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def s3(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The server's files, in an empty bucket."""
    import s3fs

    for name, value in (MINE | SET | {"AWS_ENDPOINT_URL": s3_server, "SADDLE_CACHE": str(tmp_path / "cache")}).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("bucket")
    yield system
    system.rm("bucket", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def opened(source: object, **options: Any) -> Any:
    return open_data(str(source), Prepare(size=16, channels=3, **options), lambda sentence: None)


def test_a_folder_and_shards_on_s3_are_those_on_a_disk(s3: Any, tmp_path: Path) -> None:
    pictures(tmp_path / "photos", 2)
    for shard in range(2):
        tar(tmp_path / f"shards/train-{shard}.tar", {f"{shard}.png": png(shard)})
    for name, more in (("photos", ""), ("shards", "/train-{0..1}.tar")):
        s3.put(str(tmp_path / name), f"bucket/{name}", recursive=True)
        here, there = opened(tmp_path / name), opened(f"s3://bucket/{name}{more}", decode="on-the-fly")
        assert here.fingerprint == there.fingerprint
        assert np.array_equal(here.samples[np.arange(2)], there.samples[np.arange(2)])


def test_a_run_on_s3_is_trained_stopped_and_gone_on_with(s3: Any, tmp_path: Path) -> None:
    how = TOY | {"pictures": 0}  # each file is a request
    whole = train("gan", out=tmp_path / "whole", **how)
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 4)
        with pytest.raises(Interrupted, match="saddle resume s3://bucket/runs/a"):
            train("gan", out="s3://bucket/runs/a", **how)
    shutil.rmtree(tmp_path / "cache")  # another machine
    assert bits(resume("s3://bucket/runs/a")) == bits(whole)
    s3.invalidate_cache()
    names = {name.rpartition("/")[2] for name in s3.find("bucket/runs/a")}
    assert MARKER in names and "manifest.json" in names and not any(name.startswith(".") for name in names)
    shutil.rmtree(tmp_path / "cache")
    assert load("s3://bucket/runs/a").sample(3).equal(load(whole).sample(3))


def test_a_missing_bucket_and_missing_credentials_are_refused_plainly(
    s3: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*words: str) -> str:
        assert main([*words]) == 2
        return " ".join(capsys.readouterr().err.split())

    training = ("train", "gan", "--data", "ring", "--out")
    assert "there is nothing at s3://elsewhere/photos" in refused("doctor", "s3://elsewhere/photos")
    assert "there is no run at s3://elsewhere/run" in refused("sample", "s3://elsewhere/run")
    said = refused(*training, "s3://elsewhere/run")
    assert "nothing can be written to s3://elsewhere/run: The specified bucket does not exist" in said
    for name in MINE:
        monkeypatch.delenv(name)
    type(s3).clear_instance_cache()
    for words in (("doctor", "s3://bucket/photos"), ("sample", "s3://bucket/run"), (*training, "s3://bucket/run")):
        assert "Unable to locate credentials" in refused(*words)


class InParts(SimpleHTTPRequestHandler):
    """A server of files, which gives parts of them; Python's own gives whole ones alone."""

    def log_message(self, *given: Any) -> None:
        pass

    def do_GET(self) -> None:
        asked, path = self.headers.get("Range"), Path(self.translate_path(self.path))
        if asked is None or not path.is_file():
            super().do_GET()
            return
        whole = path.read_bytes()
        first, _, last = asked.removeprefix("bytes=").partition("-")
        part = whole[int(first) : int(last) + 1 if last else len(whole)]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)


class InOne(InParts):
    do_GET = SimpleHTTPRequestHandler.do_GET


@pytest.fixture
def web(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server of files below www/, of the class that a test names."""
    pytest.importorskip("aiohttp", reason="http is asked with aiohttp: pip install -e '.[remote]'")
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "www").mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(request.param, directory=str(tmp_path / "www")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("web", [InParts], indirect=True)
def test_shards_and_folders_on_the_web_are_those_on_a_disk(web: str, tmp_path: Path) -> None:
    for shard in range(2):
        tar(tmp_path / f"www/train-{shard}.tar", {**sample("0", shard, shard), **sample("1", 5 + shard, 1)})
    pictures(tmp_path / "www/more/photos", 3)
    here = opened(tmp_path / "www/train-{0..1}.tar")
    there = opened(f"{web}/train-{{0..1}}.tar", decode="on-the-fly")
    assert here.fingerprint == there.fingerprint
    assert np.array_equal(here.samples[np.arange(4)], there.samples[np.arange(4)])
    assert opened(f"{web}/more/photos").fingerprint == opened(tmp_path / "www/more/photos").fingerprint


@pytest.mark.parametrize("web", [InOne], indirect=True)
def test_a_server_that_gives_whole_files_alone_is_refused(web: str, tmp_path: Path) -> None:
    (tmp_path / "www/some.bin").write_bytes(bytes(100))
    fsspec = pytest.importorskip("fsspec", reason="http is asked with fsspec: pip install -e '.[remote]'")
    system, place = fsspec.core.url_to_fs(f"{web}/some.bin")
    with pytest.raises(Mistake, match="gives no parts of files, which images are read by; copy the files here"):
        read_part(system, place, 10, 20)


@pytest.mark.parametrize("web", [InOne], indirect=True)
def test_nothing_is_written_to_a_server_that_only_shows(web: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "gan", "--data", "ring", "--out", f"{web}/run"]) == 2
    assert f"nothing can be written to {web}/run" in " ".join(capsys.readouterr().err.split())
