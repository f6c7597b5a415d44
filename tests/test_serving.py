"""`saddle serve`: what is asked over HTTP, and answered as Python answers it."""

from __future__ import annotations

import base64
import json
import shutil
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from narrow import pictures_for
from saddle import load, train
from saddle.latent import Completing, complete
from saddle.serve.answers import JSON, NPY, PNG, choose_form
from saddle.serve.limits import Limits
from serving import SHORT, TOKEN, in_base64, noise, serving, train_cgan, train_plain


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    train_cgan(folder)
    shutil.copytree(train_plain(folder / "once"), folder / "plain")
    return folder


@pytest.fixture(scope="module")
def plain(home: Path) -> Iterator[TestClient]:
    with TestClient(serving(home / "plain", rows=8)) as client:
        yield client


@pytest.fixture(scope="module")
def cgan(home: Path) -> Iterator[TestClient]:
    with TestClient(serving(home / "cgan", rows=8)) as client:
        yield client


STYLED = {"networks.latent": "8", "networks.style": "8", "networks.mapping": "2", "networks.width": "8", "batch": "4"}


def numbers(client: TestClient, path: str = "/samples", **asked: Any) -> np.ndarray:
    answer = client.post(path, json=asked, headers={"Accept": NPY})
    assert answer.status_code == 200, answer.text
    return np.load(BytesIO(answer.content), allow_pickle=False)


def pixels(text: str) -> np.ndarray:
    with Image.open(BytesIO(base64.b64decode(text))) as image:
        return np.asarray(image)


def test_samples_are_those_of_python_in_every_form(home: Path, plain: TestClient):
    loaded = load(home / "plain", device="cpu")
    loaded.rows = 8
    wanted = loaded.sample(16, seed=7)
    assert np.array_equal(numbers(plain, n=16, seed=7), wanted.numpy())
    assert np.array_equal(numbers(plain, n=3, seed=7, first=5), wanted[5:8].numpy())
    answer = plain.post("/samples", json={"n": 2, "seed": 7}).json()
    assert answer["seed"] == 7 and answer["first"] == 0 and set(answer) == {"seed", "first", "images"}
    for text, sample in zip(answer["images"], wanted, strict=False):
        assert np.array_equal(pixels(text), ((sample[0] + 1) * 127.5).round().byte().numpy())
    one = plain.post("/samples", json={"seed": 7}, headers={"Accept": PNG})
    assert one.headers["content-type"] == PNG and one.headers["saddle-seed"] == "7"
    assert one.content == base64.b64decode(answer["images"][0])
    sheet = plain.post("/samples", json={"seed": 7, "n": 9}, headers={"Accept": PNG})
    with Image.open(BytesIO(sheet.content)) as image:
        assert image.width == image.height > 3 * 16


def test_a_seed_is_drawn_and_told_where_none_is_named(plain: TestClient):
    first, second = (plain.post("/samples", json={}).json() for _ in range(2))
    assert first["seed"] != second["seed"] and first["images"] != second["images"]
    assert plain.post("/samples", json={"seed": first["seed"]}).json()["images"] == first["images"]


def test_labels_are_names_or_numbers_and_drawn_as_python_draws_them(home: Path, cgan: TestClient):
    loaded = load(home / "cgan", device="cpu")
    loaded.rows = 8
    named, numbered = (numbers(cgan, n=8, seed=3, label=label) for label in ("bee", 1))
    assert np.array_equal(named, loaded.sample(8, 3, "bee").numpy()) and np.array_equal(named, numbered)
    each = numbers(cgan, n=2, seed=3, label=["bee", "cow"])
    assert np.array_equal(each[0], named[0]) and not np.array_equal(each[1], named[1])
    answer = cgan.post("/samples", json={"n": 8, "seed": 5}).json()
    drawn = loaded.draw_labels(5, 0)
    assert drawn is not None and answer["labels"] == [loaded.classes[i] for i in drawn[:8]]
    assert np.array_equal(numbers(cgan, n=8, seed=5), loaded.sample(8, 5).numpy())
    refused = cgan.post("/samples", json={"label": "bea"})
    assert refused.status_code == 422 and refused.json() == {
        "error": "there is no label 'bea'; there are ant, bee, cow"
    }


def test_scores_are_those_of_python(home: Path, plain: TestClient):
    loaded = load(home / "plain", device="cpu")
    answer = plain.post("/score", json={"images": [in_base64(noise(16, i)) for i in range(3)], "seed": 1}).json()
    images = torch.stack([torch.from_numpy(pixels(in_base64(noise(16, i))).copy()) for i in range(3)])[:, None]
    wanted = -loaded.score(images / 127.5 - 1)
    assert [list(one) for one in answer["scores"]] == [["critic"]] * 3
    torch.testing.assert_close(torch.tensor([one["critic"] for one in answer["scores"]]), wanted)


def test_files_of_a_form_are_scored_as_base64_is(plain: TestClient):
    files = [("images", (name, noise(16, i), "image/png")) for i, name in enumerate(("a.png", "../../etc/passwd"))]
    form = plain.post("/score", files=files, data={"seed": "1"})
    assert form.status_code == 200, form.text
    assert (
        form.json()
        == plain.post("/score", json={"images": [in_base64(noise(16, i)) for i in range(2)], "seed": 1}).json()
    )


def test_holes_are_filled_as_python_fills_them(home: Path, plain: TestClient):
    loaded = load(home / "plain", device="cpu")
    asked = {"images": [in_base64(noise())], "seed": 2, "mask": "box:4,4,8,8", "steps": 3, "restarts": 2, "answers": 2,
             "candidates": 4}  # fmt: skip
    answer = plain.post("/complete", json=asked).json()
    image = torch.from_numpy(pixels(in_base64(noise())).copy())[None, None] / 127.5 - 1
    done = complete(loaded, image, "box:4,4,8,8", Completing(3, 2, 4, answers=2), None, 2)
    assert np.allclose(answer["distances"], done.distances.numpy(), atol=1e-5) and len(answer["images"]) == 2
    for text, made in zip(answer["images"], done.images[0], strict=True):
        assert np.array_equal(pixels(text), ((made[0] + 1) * 127.5).round().byte().numpy())
    hidden = np.zeros((16, 16), np.uint8)
    hidden[4:8, 4:8] = 255
    files = {"images": noise(), "mask_image": png(hidden)}
    fields = {name: str(value) for name, value in asked.items() if name not in ("images", "mask")}
    assert plain.post("/complete", files=files, data=fields).json() == answer


def png(array: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def test_translations_keep_each_pictures_size_and_are_those_of_python(tmp_path: Path):
    from saddle.inference.translating import translate_any_size

    columns = pictures_for("cyclegan", 8)
    run = train("cyclegan", columns, out=tmp_path / "run", size=16,
                options={"networks.width": "4", "networks.blocks": "1", "networks.field": "16", "batch": "4"},
                **SHORT)  # fmt: skip
    with TestClient(serving(run)) as client:
        loaded = load(run, device="cpu")
        assert client.get("/health").json()["offers"] == ["translate", "score"]
        for side in (16, 21):
            made = numbers(client, "/translate", images=[in_base64(noise(side, 4))], seed=1)
            image = torch.from_numpy(pixels(in_base64(noise(side, 4))).copy())[None, None] / 127.5 - 1
            assert made.shape == (1, 1, side, side)
            np.testing.assert_allclose(made, translate_any_size(loaded, image, 1).numpy(), atol=1e-5)
        small = numbers(client, "/translate", images=[in_base64(noise(21, 4))], size="run")
        assert small.shape == (1, 1, 16, 16)
        back = numbers(client, "/translate", images=[in_base64(noise(16, 4))], back=True)
        assert not np.allclose(back, numbers(client, "/translate", images=[in_base64(noise(16, 4))]))
        both = client.post("/translate", json={"images": [in_base64(noise(side)) for side in (16, 21)]})
        assert [pixels(text).shape for text in both.json()["images"]] == [(16, 16), (21, 21)]
        mixed = client.post(
            "/translate", json={"images": [in_base64(noise(s)) for s in (16, 21)]}, headers={"Accept": PNG}
        )
        assert mixed.status_code == 422 and "of one size" in mixed.json()["error"]
        refused = client.post("/samples", json={})
        assert refused.status_code == 501
        assert refused.json()["error"].endswith("what this run answers is POST /translate, POST /score")


def test_a_games_own_style_is_asked_for_and_checked(tmp_path: Path):
    run = train("stylegan2", "glyphs", limit=16, size=16, out=tmp_path / "run", options=STYLED, **SHORT)
    with TestClient(serving(run, rows=4)) as client:
        loaded = load(run, device="cpu")
        loaded.rows = 4
        for style in ({}, {"truncation": 0.5}, {"truncation": 0.5, "cutoff": 2, "noise": False}):
            assert np.array_equal(numbers(client, n=4, seed=1, **style), loaded.sample(4, 1, **style).numpy())
        post = client.get("/openapi.json").json()["paths"]["/samples"]["post"]
        fields = post["requestBody"]["content"][JSON]["schema"]["properties"]
        assert {"truncation", "cutoff", "noise"} <= set(fields) and "text" not in fields
        for body, word in (('{"truncation": NaN}', "truncation: "), ('{"truncation": "0.5"}', "truncation: "),
                           ('{"noise": 1}', "noise: "), ('{"cutoff": 99}', "this generator has 6 layers"),
                           ('{"cutoff": -1}', "give 0 to 6"), ('{"truncaton": 1}', "there is no such field"),
                           ('{"truncation": 1e308}', "no finite numbers")):  # fmt: skip
            refused = client.post("/samples", content=body, headers={"Content-Type": JSON})
            assert refused.status_code == 422 and word in refused.json()["error"], refused.text


def test_lines_and_points_are_json(tmp_path: Path):
    lines = train("gumbel-gan", pictures_for("gumbel-gan", 16), out=tmp_path / "lines",
                  options={"networks.hidden": "8", "networks.embedding": "8", "batch": "4"}, **SHORT)  # fmt: skip
    with TestClient(serving(lines)) as client:
        assert client.post("/samples", json={"n": 3, "seed": 1}).json()["lines"] == load(lines).lines(3, 1)
        refused = client.post("/samples", json={}, headers={"Accept": PNG})
        assert refused.status_code == 406 and "can be application/json" in refused.json()["error"]
        assert client.post("/score", json={"images": []}).status_code == 501
    points = train(
        "wgan-gp-toy", "ring", limit=64, out=tmp_path / "points", options={"networks.width": "8", "batch": "8"}, **SHORT
    )
    with TestClient(serving(points)) as client:
        found = np.array(client.post("/samples", json={"n": 4, "seed": 1}).json()["points"])
        np.testing.assert_allclose(found, load(points).sample(4, 1).flatten(1).numpy(), rtol=1e-5)
        assert "not on pictures" in client.post("/score", json={"images": [""]}).json()["error"]


def test_texts_are_asked_for(tmp_path: Path):
    run = train("gan-cls", pictures_for("gan-cls", 12), out=tmp_path / "run", size=16,
                options={"networks.width": "4", "batch": "4"}, **SHORT)  # fmt: skip
    with TestClient(serving(run)) as client:
        loaded = load(run)
        made = numbers(client, n=2, seed=1, text="a red thing 1")
        np.testing.assert_allclose(made, loaded.sample(2, 1, text="a red thing 1").numpy(), atol=1e-5)
        np.testing.assert_allclose(numbers(client, n=2, seed=1), loaded.sample(2, 1).numpy(), atol=1e-5)
        refused = client.post("/samples", json={"text": "xyzzy"})
        assert refused.status_code == 422 and "no word of 'xyzzy'" in refused.json()["error"]


def test_what_a_run_cannot_do_is_told_with_what_it_can(plain: TestClient):
    refused = plain.post("/translate", json={})
    assert refused.status_code == 501
    assert refused.json()["error"].startswith("this run cannot translate images; it can generate, judge and score")
    assert refused.json()["error"].endswith("what this run answers is POST /samples, POST /complete, POST /score")
    for path, code in (("/nothing", 404), ("/samples", 405)):
        refused = plain.get(path)
        assert (
            refused.status_code == code and "POST /samples, POST /complete and POST /score" in refused.json()["error"]
        )


def test_the_description_is_of_this_run_and_its_examples_work(plain: TestClient, cgan: TestClient):
    for client in (plain, cgan):
        facts = client.get("/openapi.json").json()
        posts = {path: ways["post"] for path, ways in facts["paths"].items() if "post" in ways}
        assert set(posts) == {f"/{task}" for task in client.get("/health").json()["offers"]}
        for path, one in posts.items():
            content = one["requestBody"]["content"][JSON]
            answer = client.post(path, json=content["example"])
            assert answer.status_code == 200, answer.text
            promised = one["responses"]["200"]["content"][JSON]["schema"]["properties"]
            assert set(answer.json()) >= set(promised)
            assert {"401", "422", "429", "504"} <= set(one["responses"])
        page = client.get("/docs")
        assert (
            page.status_code == 200
            and "<script" not in page.text
            and "http://" not in page.text.replace("http://testserver", "")
        )
        assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "label" in facts["paths"]["/samples"]["post"]["requestBody"]["content"][JSON]["example"]


def test_requests_at_once_get_the_bits_that_each_gets_alone(cgan: TestClient):
    asked = [{"n": 1 + i % 5, "seed": i % 7, "label": i % 3} for i in range(24)]
    alone = [numbers(cgan, **one) for one in asked]
    before = figure(cgan, "saddle_pass_rows_count", 'lane="quick"')
    together: dict[int, np.ndarray] = {}
    threads = [threading.Thread(target=lambda i=i: together.update({i: numbers(cgan, **asked[i])})) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(together[i], alone[i]) for i in range(24))
    assert figure(cgan, "saddle_pass_rows_count", 'lane="quick"') > before


def figure(client: TestClient, name: str, labels: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name}{{{labels}")), 0.0)


def test_what_takes_too_long_is_dropped_and_told(home: Path, monkeypatch: pytest.MonkeyPatch):
    app = serving(home / "plain", limits=Limits(seconds=0.3), rows=8)
    hold = threading.Event()
    work, begun = app.service.quick.work, []

    def slow(kind: Any, rows: Any) -> Any:
        begun.append(len(rows))
        hold.wait(10)
        return work(kind, rows)

    monkeypatch.setattr(app.service.quick, "work", slow)
    with TestClient(app) as client:
        late = client.post("/samples", json={"n": 24, "seed": 1})
        assert late.status_code == 504 and "took longer than the 0.3 s" in late.json()["error"]
        hold.set()
        assert client.post("/samples", json={"seed": 1}).status_code == 200
        assert begun == [8, 1]  # 16 rows were never begun
        assert "saddle_dropped_rows_total 16.0" in client.get("/metrics").text


def test_a_full_queue_answers_429_with_a_time_to_come_again(home: Path, monkeypatch: pytest.MonkeyPatch):
    app = serving(home / "plain", limits=Limits(n=8, queue=8), rows=8)
    hold, begun = threading.Event(), threading.Event()
    work = app.service.quick.work
    monkeypatch.setattr(app.service.quick, "work", lambda *of: begun.set() or (hold.wait(10) and work(*of)))
    codes: list[int] = []
    with TestClient(app) as client:
        threads = [threading.Thread(target=lambda: codes.append(client.post("/samples", json={"n": 8}).status_code))
                   for _ in range(2)]  # fmt: skip
        threads[0].start()
        assert begun.wait(10)
        threads[1].start()
        while not app.service.quick.waiting:
            time.sleep(0.005)
        refused = client.post("/samples", json={"n": 8})
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
        assert "ask again in" in refused.json()["error"]
        assert client.get("/health").json()["waiting"] == {"quick": 8, "slow": 0}
        hold.set()
        for thread in threads:
            thread.join()
    assert codes == [200, 200]


def test_a_closing_server_is_not_ready_and_takes_nothing(home: Path):
    app = serving(home / "plain")
    with TestClient(app) as client:
        assert client.get("/health/ready").status_code == client.get("/health/live").status_code == 200
        assert app.close(10)
        assert client.get("/health/ready").status_code == 503 and client.get("/health/live").status_code == 200
        refused = client.post("/samples", json={})
        assert refused.status_code == 503 and "shutting down" in refused.json()["error"]


def test_a_token_is_asked_of_all_but_probes(home: Path):
    with TestClient(serving(home / "plain", token=TOKEN)) as client:
        for path in ("/health/live", "/health/ready"):
            assert set(client.get(path).json()) == {"status"}
        right = {"Authorization": f"Bearer {TOKEN}"}
        wrong: list[dict[str, str]] = [{}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"},
                                       {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": "Bearer"},
                                       {"Authorization": f"Bearer {TOKEN[:-1]}"}]  # fmt: skip
        for path in ("/health", "/metrics", "/docs", "/openapi.json", "/nothing"):
            assert client.get(path).status_code == 401 and client.get(path, headers=right).status_code in (200, 404)
        for headers in wrong:
            refused = client.post("/samples", json={}, headers=headers)
            assert refused.status_code == 401 and refused.headers["www-authenticate"] == "Bearer"
            assert TOKEN not in refused.text
        assert client.post("/samples", json={}, headers=right).status_code == 200


def test_it_can_be_a_part_of_another_application(home: Path):
    whole = Starlette(routes=[Mount("/gan", serving(home / "plain", token=TOKEN))])
    with TestClient(whole) as client:
        assert client.get("/gan/health/ready").status_code == 200
        assert client.post("/gan/samples", json={}).status_code == 401
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert client.post("/gan/samples", json={}, headers=right).status_code == 200
        assert "http://testserver/gan/samples" in client.get("/gan/docs", headers=right).text


def test_scores_beside_normal_ones_tell_what_is_odd(home: Path):
    from saddle.cli.serving import find_normals

    loaded = load(home / "plain", device="cpu")
    with TestClient(
        serving(home / "plain", normals=find_normals(loaded, str(home / "plain"), str(home / "photos")))
    ) as client:
        answer = client.post("/score", json={"images": [in_base64(noise())]}).json()
    (score,) = answer["scores"]
    assert (
        score["odd"] == (score["score"] > answer["threshold"])
        and answer["normals"] == f"18 images of {home / 'photos'}"
    )


ACCEPT: list[tuple[str, str | None]] = [
    ("", JSON),
    ("*/*", JSON),
    ("image/*", PNG),
    (f"{NPY}, {PNG};q=0.5", NPY),
    (f"{PNG};q=0.2, {JSON};q=0.9", JSON),
    ("text/html, */*;q=0.1", JSON),
    ("IMAGE/PNG", PNG),
    (f"{PNG};q=nonsense", None),
    ("text/html", None),
    ("image/png;q=nan, */*;q=0", None),
    (";;;,,,q=1", None),
]


@pytest.mark.parametrize(("accept", "form"), ACCEPT)
def test_the_form_of_an_answer_is_what_accept_likes_best(accept: str, form: str | None):
    assert choose_form(accept, (JSON, PNG, NPY)) == form


def test_the_answer_to_a_form_that_there_is_not_names_those_there_are(plain: TestClient):
    refused = plain.post("/samples", json={}, headers={"Accept": "text/html"})
    assert refused.status_code == 406
    assert json.loads(refused.text)["error"].startswith(
        "the answer can be application/json or image/png or application/x-npy"
    )
