"""What docs/serving.md says to type, and the files of examples/serving, against a server that runs."""

from __future__ import annotations

import asyncio
import html
import importlib.util
import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import uvicorn
import yaml
from PIL import Image
from starlette.requests import Request
from starlette.testclient import TestClient

from saddle import load
from saddle.cli.argv import parse_command
from saddle.cli.serving import TOKEN_VARIABLE, ServeOptions
from saddle.serve.server import Server, address_of, bind
from serving import TOKEN, noise, serving, train_plain

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "serving"
PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE) for line in
            block.splitlines()]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_plain(tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def address(run: Path) -> Iterator[str]:
    """A server with the options of the command, in a thread of its own."""
    app, begun = serving(run), threading.Event()
    with bind("127.0.0.1", 0) as bound:
        server = Server(uvicorn.Config(app, log_config=None, log_level="error", http="h11", ws="none"), begun.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        assert begun.wait(30)
        yield address_of(bound)
        server.should_exit = True
        thread.join()
    assert app.close(10)


def docker_lines() -> dict[str, str]:
    """The instructions of the Dockerfile that stand there once, lines joined."""
    text = (EXAMPLES / "Dockerfile").read_text().replace("\\\n", " ")
    return dict(line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))


def docker_words() -> list[str]:
    lines = docker_lines()
    return [*json.loads(lines["ENTRYPOINT"]), *json.loads(lines["CMD"])]


def test_the_page_tells_what_there_is_to_type():
    assert sum(line.startswith("curl ") for line in COMMANDS) == 5 and "saddle serve RUN" in COMMANDS


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("curl ")])
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed here")
def test_what_the_page_says_to_curl_is_answered(command: str, address: str, tmp_path: Path):
    for name in ("photo.png", "other.png"):
        (tmp_path / name).write_bytes(noise(20))
    words = [*shlex.split(command.replace("http://127.0.0.1:8000", address)), "--silent", "--show-error", "--fail"]
    said = subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=60)
    assert said.returncode == 0, said.stderr
    if "-o" not in words:
        assert {"images", "scores"} & set(json.loads(said.stdout))
        return
    made = tmp_path / words[words.index("-o") + 1]
    if made.suffix == ".npy":
        assert np.load(made, allow_pickle=False).shape == (16, 1, 16, 16)
    else:
        with Image.open(made) as image:
            assert image.size == (16, 16)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed here")
def test_what_a_servers_own_page_says_to_curl_is_answered(address: str, tmp_path: Path):
    (tmp_path / "photo.png").write_bytes(noise(20))
    with urllib.request.urlopen(f"{address}/docs") as answer:
        commands = [html.unescape(one) for one in re.findall("<pre>(.*?)</pre>", answer.read().decode(), re.DOTALL)]
    assert [command.rpartition("/")[2] for command in commands] == ["samples", "complete", "score"]
    for command in commands:
        words = [*shlex.split(command), "--silent", "--show-error", "--fail"]
        said = subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=60)
        assert said.returncode == 0 and json.loads(said.stdout)["seed"] == 7, said.stderr


def test_the_client_of_the_page_gets_what_python_gets(address: str, run: Path, tmp_path: Path):
    (line,) = (line for line in COMMANDS if line.startswith("python examples/serving/client.py"))
    _, file, _, name = line.split()
    subprocess.run([sys.executable, str(ROOT / file), address, str(tmp_path / name)], check=True, timeout=60)
    made, wanted = np.load(tmp_path / name, allow_pickle=False), load(run, device="cpu").sample(16, 7).numpy()
    np.testing.assert_allclose(made, wanted, atol=1e-5)


def test_the_client_comes_again_when_it_is_told_and_tells_refusals(address: str, monkeypatch: pytest.MonkeyPatch):
    import urllib.error
    from email.message import Message
    from io import BytesIO

    client = runpy.run_path(str(EXAMPLES / "client.py"))
    with pytest.raises(RuntimeError, match=r"422: n: input should be less than or equal to 64"):
        client["ask"](address, "/samples", {"n": 1000})
    whole, calls, slept = client["urllib"].request.urlopen, [], []

    def busy(request: Any, timeout: float) -> Any:
        calls.append(request)
        if len(calls) > 2:
            return whole(request, timeout=timeout)
        headers = Message()
        headers["Retry-After"] = "3"
        raise urllib.error.HTTPError(request.full_url, 429, "busy", headers, BytesIO(b'{"error": "busy"}'))

    monkeypatch.setattr("urllib.request.urlopen", busy)
    monkeypatch.setattr("time.sleep", slept.append)
    assert json.loads(client["ask"](address, "/samples", {"seed": 1}))["seed"] == 1
    assert slept == [3.0, 3.0]


def test_the_page_s_application_is_one(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    shutil.copytree(run, tmp_path / "runs" / "001-dcgan")
    names: dict[str, Any] = {}
    exec(compile(block, "serving.md", "exec"), names)
    with TestClient(names["app"]) as client:
        assert client.post("/samples", json={}).status_code == 401
        right = {"Authorization": "Bearer a-token-of-your-own"}
        assert client.post("/samples", json={"n": 16}, headers=right).status_code == 200
        assert client.post("/samples", json={"n": 17}, headers=right).status_code == 422


def test_the_options_of_the_page_are_those_of_the_command():
    defaults = {"--queue": 256, "--timeout": 30.0, "--max-n": 64, "--max-pixels": 4_000_000, "--max-body": 16,
                "--max-steps": 1000, "--grace": 30.0}  # fmt: skip
    for option, value in defaults.items():
        assert option in PAGE and getattr(ServeOptions(), option[2:].replace("-", "_")) == value
        assert f"{value:,.0f}" in PAGE


def options_of(words: list[str]) -> ServeOptions:
    assert words[:2] == ["saddle", "serve"]
    (place,), wish = parse_command("serve", words[2:], ServeOptions())
    assert place == "/run"
    return wish


def test_the_dockerfile_installs_what_there_is_and_starts_what_there_is():
    text, lines = (EXAMPLES / "Dockerfile").read_text(), docker_lines()
    wish = options_of(docker_words())
    assert (wish.host, str(wish.port)) == ("0.0.0.0", lines["EXPOSE"])
    assert "-c /opt/saddle/constraints.txt '/opt/saddle[serve]'" in text and (ROOT / "constraints.txt").is_file()
    assert re.search(r"^serve = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert "/run:ro" in text and TOKEN_VARIABLE in text and lines["USER"] != "root"


def test_the_health_check_of_the_dockerfile_tells_a_server_that_is_ready(address: str):
    check = json.loads(docker_lines()["HEALTHCHECK"].partition(" CMD ")[2])
    assert check[:2] == ["python", "-c"]
    right, wrong = (check[2].replace("http://127.0.0.1:8000", place) for place in (address, "http://127.0.0.1:9"))
    assert subprocess.run([sys.executable, "-c", right], capture_output=True).returncode == 0
    assert subprocess.run([sys.executable, "-c", wrong], capture_output=True).returncode != 0


@pytest.fixture
def manifests() -> dict[str, Any]:
    return {one["kind"]: one for one in yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text())}


def test_the_manifests_are_of_what_the_server_offers(manifests: dict[str, Any], run: Path):
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    wish = options_of([*json.loads(docker_lines()["ENTRYPOINT"]), *container["args"]])
    assert container["ports"] == [{"name": "http", "containerPort": wish.port}]
    with TestClient(serving(run, token=TOKEN)) as client:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["port"] == "http" and client.get(asked["path"]).status_code == 200
    assert container["readinessProbe"]["httpGet"]["path"] != container["livenessProbe"]["httpGet"]["path"]
    (variable,) = container["env"]
    assert variable["name"] == TOKEN_VARIABLE and "value" not in variable
    wait = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] >= wish.grace + wait + 5
    assert str(pod["securityContext"]["runAsUser"]) == docker_lines()["USER"]
    mounts = {one["mountPath"]: one for one in container["volumeMounts"]}
    assert mounts["/run"]["readOnly"] and container["securityContext"]["readOnlyRootFilesystem"]
    assert {one["name"] for one in pod["volumes"]} == {one["name"] for one in mounts.values()}


def test_the_manifests_find_each_other(manifests: dict[str, Any]):
    deployment, service, scaler = (manifests[kind] for kind in ("Deployment", "Service", "HorizontalPodAutoscaler"))
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels == deployment["spec"]["selector"]["matchLabels"]
    assert service["spec"]["ports"][0]["targetPort"] == "http"
    target = scaler["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert target["apiVersion"] == deployment["apiVersion"]


def ray_stand_in() -> ModuleType:
    """As much of Ray as the example uses: a deployment is its class, bound to what it is made of."""
    ray = ModuleType("ray")

    def deployment(**how: Any) -> Any:
        def wrap(kind: Any) -> Any:
            return SimpleNamespace(bind=lambda *given: SimpleNamespace(make=lambda: kind(*given)), how=how)

        return wrap

    ray.serve = SimpleNamespace(deployment=deployment)  # type: ignore[attr-defined]
    return ray


def test_the_application_for_ray_answers_as_the_server_does(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", ray_stand_in())
    monkeypatch.setenv("SADDLE_RUN", str(run))
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    spec = importlib.util.spec_from_file_location("ray_app", EXAMPLES / "ray_app.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    replica = module.app.make()
    body = b'{"seed": 3, "n": 2}'

    async def ask() -> Any:
        bodies = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            return bodies.pop() if bodies else await asyncio.Event().wait()

        scope = {"type": "http", "method": "POST", "path": "/samples", "raw_path": b"/samples", "query_string": b"",
                 "headers": [(b"host", b"x"), (b"content-type", b"application/json")], "root_path": "",
                 "http_version": "1.1", "scheme": "http", "server": ("x", 80), "client": ("y", 1)}  # fmt: skip
        return await replica(Request(scope, receive))

    answer = asyncio.run(ask())
    replica.check_health()
    assert replica.app.close(10)
    with pytest.raises(RuntimeError, match="takes nothing more"):
        replica.check_health()
    with TestClient(serving(run)) as client:
        other = client.post("/samples", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, json.loads(answer.body)) == (200, other.json())
    assert answer.headers["saddle-seed"] == "3"
