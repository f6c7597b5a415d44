"""The few endpoints of the Hugging Face hub that a push and a fetch need, on this machine, kept in memory."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import pytest


class Hub:
    """Repositories with their commits: each a whole set of files by name."""

    def __init__(self) -> None:
        self.commits: dict[str, dict[str, dict[str, bytes]]] = {}  # of a repository, by hash, the last one last
        self.blobs: dict[str, bytes] = {}  # large files, as they came, by sha256
        self.asked: list[str] = []
        self.down = False
        self.url = ""

    def head(self, repository: str) -> str:
        return list(self.commits[repository])[-1]

    def add(self, repository: str, files: dict[str, bytes]) -> str:
        text = json.dumps([len(self.commits[repository]), *((n, len(b)) for n, b in sorted(files.items()))])
        commit = hashlib.sha1(text.encode()).hexdigest()
        self.commits[repository][commit] = files
        return commit


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args: Any) -> None:
        pass

    def reply(self, code: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for key, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def tell(self, facts: Any) -> None:
        self.reply(200, json.dumps(facts).encode(), Content_Type="application/json")

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def route(self) -> None:
        hub, path, body = self.hub, unquote(self.path.partition("?")[0]), self.body()
        hub.asked.append(f"{self.command} {path}")
        if hub.down:
            self.reply(503)
            return
        parts = path.strip("/").split("/")
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
            if self.headers.get("Authorization") != "Bearer hf_right":
                self.reply(401, b"{}")
                return
            hub.commits.setdefault(name, {})
            hub.commits[name] or hub.add(name, {})
            self.tell({"url": f"{hub.url}/{name}"})
        elif path == "/api/validate-yaml":
            self.tell({"errors": [], "warnings": []})
        elif path.startswith("/api/models/"):
            self.model("/".join(parts[2:4]), parts[4:], body)
        elif path.endswith("/info/lfs/objects/batch"):
            self.tell({"objects": [{"oid": one["oid"], "size": one["size"], "actions": {
                "upload": {"href": f"{hub.url}/put/{one['oid']}", "header": {}}}}
                for one in json.loads(body)["objects"]], "transfer": "basic"})  # fmt: skip
        elif parts[0] == "put":
            assert hashlib.sha256(body).hexdigest() == parts[1]
            hub.blobs[parts[1]] = body
            self.reply(200)
        elif "resolve" in parts:
            self.resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self.reply(404, b"{}")

    def model(self, name: str, more: list[str], body: bytes) -> None:
        hub = self.hub
        if name not in hub.commits:
            self.reply(404, b"{}", X_Error_Code="RepoNotFound")
        elif more[:1] == ["preupload"]:
            self.tell({"files": [{"path": one["path"], "shouldIgnore": False, "uploadMode":
                "lfs" if one["path"].endswith(".safetensors") else "regular"}
                for one in json.loads(body)["files"]]})  # fmt: skip
        elif more[:1] == ["commit"]:
            files = dict(hub.commits[name][hub.head(name)])
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = hub.blobs[value["oid"]]
                elif line["key"] == "deletedFile":
                    files.pop(value["path"], None)
            commit = hub.add(name, files)
            self.tell({"commitUrl": f"{hub.url}/{name}/commit/{commit}", "commitOid": commit, "success": True})
        elif more[:1] == ["tree"]:
            files = hub.commits[name][more[1] if more[1] in hub.commits[name] else hub.head(name)]
            self.tell([{"type": "file", "path": n, "size": len(b), "oid": hashlib.sha1(b).hexdigest()}
                       for n, b in files.items()])  # fmt: skip
        else:
            wanted = more[1] if more[:1] == ["revision"] else "main"
            commit = hub.head(name) if wanted == "main" else wanted
            if commit not in hub.commits[name]:
                self.reply(404, b"{}", X_Error_Code="RevisionNotFound")
                return
            files = [{"rfilename": n} for n in hub.commits[name][commit]]
            self.tell({"id": name, "modelId": name, "sha": commit, "siblings": files, "private": False, "tags": [],
                       "downloads": 0, "likes": 0})  # fmt: skip

    def resolve(self, name: str, revision: str, file: str) -> None:
        files = self.hub.commits.get(name, {}).get(revision, {})
        if file not in files:
            self.reply(404, X_Error_Code="EntryNotFound")
            return
        self.reply(200, files[file], ETag=f'"{hashlib.sha256(files[file]).hexdigest()}"', X_Repo_Commit=revision)

    do_GET = do_POST = do_HEAD = do_PUT = route


@contextmanager
def serving_hub() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Hub]:
    """A hub that huggingface_hub's own client talks to, with a right token, and an empty cache."""
    from huggingface_hub import constants

    from saddle.runs import hub_runs

    with serving_hub() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", "hf_right")
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(hub_runs, "lately", {})
        yield server
