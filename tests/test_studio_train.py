"""The studio's tab Train: in a browser, and what is behind it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import NARROW, Visits
from saddle.cli import main
from saddle.errors import Mistake
from saddle.runs.folder import RunFolder
from saddle.studio import jobs
from saddle.studio.context import StudioContext
from saddle.studio.data_uploads import keep_uploads
from saddle.studio.form import changed_words, check_words, length_words, recipe_fields
from saddle.studio.live import describe_live, fingerprint
from saddle.studio.preview import examine_apart, preview
from saddle.studio.watch_part import seen
from studio_page import served_studio

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio")
TINY = ["gan", "--data", "glyphs", "--size", "16", "--networks.width", "8", "--batch", "8", "--quiet"]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[StudioContext]:
    given = StudioContext(runs=tmp_path / "runs", seconds=60)
    yield given
    for job in jobs.STARTED.values():
        job.kill()
        job.wait()
    jobs.STARTED.clear()


def wait_for(happens, seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def test_a_training_is_begun_watched_left_stopped_and_gone_on_with(visit: Visits, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with served_studio(runs, visit) as address:
        page = visit(address)
        page.get_by_label("Recipe", exact=True).fill("gan-minimax")
        page.get_by_role("option", name="gan-minimax", exact=True).click()
        page.get_by_text("gan-minimax:").wait_for()
        page.get_by_label("Length").fill("400k images")
        page.get_by_label("Size").fill("16")
        page.get_by_label("Size").press("Enter")
        page.get_by_text("Settings of the recipe", exact=True).click()
        page.get_by_label(re.compile(r"batch\s+images")).fill("8")
        page.get_by_label(re.compile(r"batch\s+images")).press("Tab")
        page.get_by_text("--batch").wait_for()
        page.get_by_role("button", name="Start training").click()
        page.get_by_alt_text("samples").wait_for()
        page.get_by_text("is being trained").wait_for()
        page.reload()  # and it is found again
        page.get_by_alt_text("samples").wait_for()
        visit.shoot(page, "studio-train")
        narrow = visit(address, width=NARROW, dark=True)
        narrow.get_by_alt_text("samples").wait_for()
        visit.shoot(narrow, "studio-train-narrow-dark")
        assert narrow.evaluate("document.documentElement.scrollWidth") <= NARROW, "nothing is wider than a telephone"
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_text("is stopped").wait_for()
        (run,) = (place.parent for place in runs.glob("*/manifest.json"))
        images = [int(file.stem) for file in (run / "checkpoints").glob("0*.safetensors")]
        told = len((run / "log.jsonl").read_bytes())
        page.get_by_role("button", name="Resume").click()
        page.get_by_text("is being trained").wait_for()
        wait_for(lambda: len((run / "log.jsonl").read_bytes()) > told)
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_text("is stopped").wait_for()
        assert max(int(file.stem) for file in (run / "checkpoints").glob("0*.safetensors")) > max(images)


def test_what_is_refused_is_said_beside_the_form_and_nothing_begins(visit: Visits, tmp_path: Path) -> None:
    with served_studio(tmp_path / "runs", visit, paths=False) as address:
        page = visit(address)
        page.get_by_text("Settings of the recipe", exact=True).click()
        page.get_by_label(re.compile(r"batch\s+images")).fill("many")
        page.get_by_label(re.compile(r"batch\s+images")).press("Tab")
        page.get_by_text("batch is 'many', but should be a whole number").wait_for()
        page.get_by_role("button", name="Start training").click()
        page.wait_for_timeout(300)
        assert not list((tmp_path / "runs").glob("*"))


def test_data_are_looked_at_before_they_are_trained_on(visit: Visits, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(photos / f"{number}.png")
    (photos / "broken.png").write_bytes(b"no picture")
    with served_studio(tmp_path / "runs", visit) as address:
        page = visit(address)
        page.locator("input[type=file]").set_input_files(sorted(photos.iterdir()))
        page.get_by_text("your upload").or_(page.get_by_text("--data")).first.wait_for()
        page.wait_for_function("document.querySelector('.cm-content').innerText.includes('uploads')")
        page.get_by_role("button", name="Look at the data").click()
        page.get_by_text("broken").or_(page.get_by_text("cannot be read")).first.wait_for()
        page.get_by_alt_text("").first.wait_for(state="attached")


PATHS = ["/gradio_api/file=/etc/passwd", "/gradio_api/file=../../etc/passwd", "/file=/etc/passwd"]
PATHS += ["/gradio_api/file=runs/../../../etc/passwd", "/gradio_api/file=https://example.invalid/"]


def test_no_file_of_the_machine_is_served(tmp_path: Path) -> None:
    import http.client
    from urllib.parse import urlsplit

    (tmp_path / "runs").mkdir()
    with served_studio(tmp_path / "runs") as address:
        for path in PATHS:
            asked = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
            asked.request("GET", path)
            answer = asked.getresponse()
            body = answer.read()
            asked.close()
            assert answer.status in (400, 403, 404, 422) and b"root:" not in body, path


def test_a_password_is_asked_of_every_visitor(visit: Visits, tmp_path: Path) -> None:
    visit.allowed.append("401")
    with served_studio(tmp_path / "runs", visit, password="tiger") as address:
        page = visit(address)
        page.get_by_label("username").fill("studio")
        page.get_by_label("password").fill("tiger")
        assert not page.get_by_text("Start training").is_visible()
        page.get_by_role("button", name="Login").click()
        page.get_by_role("button", name="Start training").wait_for()


def test_one_training_at_a_time_and_the_other_is_told(context: StudioContext) -> None:
    run = jobs.start_training(context, [*TINY, "--images", "500k"], "first")
    with pytest.raises(Mistake, match="is being trained, and this studio plays 1 at a time"):
        jobs.start_training(context, [*TINY, "--images", "1k"], "second")
    wait_for(lambda: (run / "log.jsonl").is_file() and (run / "log.jsonl").read_bytes())
    jobs.stop_training(context, RunFolder(run))
    wait_for(lambda: not jobs.is_running(context, run))
    assert "is stopped" in describe_live(context, run)
    with pytest.raises(Mistake, match="is not being trained"):
        jobs.stop_training(context, RunFolder(run))


def test_a_run_is_read_again_only_where_something_of_it_has_changed(context: StudioContext) -> None:
    run = context.runs / "001-a"
    (run / "samples").mkdir(parents=True)
    context.own.mkdir()
    seen_before = {fingerprint(context, run)}
    assert fingerprint(context, run) in seen_before
    for file in (run / "log.jsonl", run / "samples" / "0000001.png", jobs.log_file(context, run)):
        file.write_bytes(b"{}")
        now = fingerprint(context, run)
        assert now not in seen_before and now == fingerprint(context, run)
        seen_before.add(now)


def test_a_training_that_does_not_begin_says_why(context: StudioContext) -> None:
    run = jobs.start_training(context, ["gan", "--data", "glyphs", "--size", "7", "--images", "100"], "small")
    wait_for(lambda: not jobs.is_running(context, run))
    told = describe_live(context, run)
    assert "did not begin" in told and "pixels" in told and "Traceback" not in told
    again = jobs.start_training(context, [*TINY, "--images", "64"], "small")
    assert again == run  # no number is used up
    wait_for(lambda: not jobs.is_running(context, run))
    assert "is finished" in describe_live(context, run)
    assert jobs.start_training(context, [*TINY, "--images", "64"], "small").name.startswith("002-")


def test_a_name_is_text_and_never_a_path_or_markup(context: StudioContext) -> None:
    run = jobs.start_training(context, [*TINY, "--images", "64"], "../../<img src=x>\x1b[31m")
    assert run.parent == context.runs and "<" not in run.name and "\x1b" not in run.name
    wait_for(lambda: not jobs.is_running(context, run))
    odd = context.runs / "009-<img src=x onerror=alert(1)>"
    shutil.copytree(run, odd)
    assert "<img src=x" not in describe_live(context, odd)


@pytest.mark.parametrize("name", ["/etc", "../runs", "", None, "runs/../../x", "001"])
def test_a_page_can_name_only_runs_that_it_was_shown(name: str | None, context: StudioContext) -> None:
    with pytest.raises(Mistake):
        context.find_run(name)


@pytest.mark.parametrize("name", ["runs/..", "runs/.studio", "..", "/etc"])
def test_a_page_watches_no_other_folder(name: str, context: StudioContext, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.log_file(context, context.runs).parent.mkdir(parents=True)
    monkeypatch.chdir(context.runs.parent)
    assert seen(StudioContext(runs=Path("runs")), name) is None


def test_uploads_lie_under_plain_names_and_within_limits(context: StudioContext, tmp_path: Path) -> None:
    odd = tmp_path / "..%2f..%2fetc;rm -rf.png"
    Image.new("RGB", (8, 8)).save(odd)
    kept = keep_uploads(context, [str(odd), str(odd)])
    assert sorted(file.name for file in kept.iterdir()) == ["00000.png", "00001.png"]
    script = tmp_path / "run.sh"
    script.write_text("echo")
    with pytest.raises(Mistake, match=r"\.sh files are no pictures"):
        keep_uploads(context, [str(script)])
    with pytest.raises(Mistake, match="and this studio takes"):
        keep_uploads(StudioContext(runs=context.runs, most_bytes=10), [str(odd)])


def test_a_picture_that_unpacks_to_gigabytes_is_named_and_left_out(context: StudioContext, tmp_path: Path) -> None:
    import zlib
    from struct import pack

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    bomb = tmp_path / "bomb.png"
    head = pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) +
                     chunk(b"IEND", b""))  # fmt: skip
    good = tmp_path / "good.png"
    Image.new("L", (8, 8), 9).save(good)
    told = examine_apart(context, str(keep_uploads(context, [str(bomb), str(good), str(good), str(good)])))
    assert "00000.png" in told and "Traceback" not in told


def test_a_form_has_every_field_of_its_recipe_and_gives_words_of_those_changed() -> None:
    fields = recipe_fields("wgan-gp")
    names = [field.name for field in fields]
    assert names[0] == "batch" and {"penalties", "turns.critic", "optimizer.lr"} <= set(names)
    same = {field.name: field.now for field in fields}
    assert changed_words("wgan-gp", same) == []
    words = changed_words("wgan-gp", same | {"batch": "16", "turns.critic": "2"})
    assert words == ["--batch", "16", "--turns.critic", "2"] and check_words("wgan-gp", words) == ""
    assert "should be" in check_words("wgan-gp", ["--batch", "-1"])


def test_every_listed_recipe_has_a_form_whose_values_can_be_typed() -> None:
    from saddle.recipes import RECIPES

    for name in RECIPES:
        typed = [word for field in recipe_fields(name) if field.kind == "text" and "." not in field.name and field.now
                 for word in (f"--{field.name.replace('_', '-')}", field.now)]  # fmt: skip
        assert check_words(name, typed) == "", name


LENGTHS = {"2 minutes": "--minutes 2", "200k images": "--images 200k", "1.5 min": "--minutes 1.5", "7": "--minutes 7"}


@pytest.mark.parametrize(("text", "words"), LENGTHS.items())
def test_a_length_is_written_in_words(text: str, words: str) -> None:
    assert length_words(text) == words.split()


@pytest.mark.parametrize("text", ["", "2 years", "two weeks ago"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(Mistake, match="length is"):
        length_words(text)


def test_a_preview_is_what_a_training_would_see() -> None:
    assert preview("glyphs", "16").size == preview("glyphs", "16").size
    assert preview("ring", None).size[0] > 50


@pytest.mark.parametrize("words", [["--port", "0"], ["--trainings", "0"], ["no-such-run"], ["--password", ""]])
def test_options_that_cannot_be_meant_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studio", *words]) == 2 and capsys.readouterr().err.startswith("saddle: ")
