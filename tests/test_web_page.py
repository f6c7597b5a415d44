"""An exported page makes Python's pictures in a browser: opened from a file or over http, changed by all it offers."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from browser import ARGUMENTS, NARROW, Visits, find_chromium, serve_folder
from narrow import pictures_for, small
from saddle import load, train
from saddle.data.cache.location import cache_home
from saddle.exporting.facts import run_facts
from saddle.exporting.interface import Supplied
from saddle.exporting.web import export_web
from saddle.exporting.web.runtime import PACKAGE, SEALS, VERSION
from saddle.inference.loaded import LoadedGame
from saddle.layers.priors import truncate_normal
from saddle.parts import supply_draws
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "src/saddle/exporting/web/template"
RUNTIME = Path(os.environ.get("SADDLE_WEB_RUNTIME") or cache_home() / f"{PACKAGE}-{VERSION}")
PAGE: dict[str, Any] = {}  # how a page draws, as its document tells it
for block in re.findall(
    r"^```python\n(.*?)^```", (ROOT / "docs" / "web.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
):
    exec(compile(block, "web.md", "exec"), PAGE)
WORD, dice, page_normals = PAGE["WORD"], PAGE["page_dice"], PAGE["page_latent"]


def test_the_dice_of_the_page_are_even_and_its_normals_normal() -> None:
    u = dice(5)
    drawn = torch.tensor([next(u) for _ in range(20_000)])
    assert abs(float(drawn.mean()) - 0.5) < 0.01 and abs(float((drawn * drawn.roll(1)).mean()) - 0.25) < 0.01
    normals = torch.cat([page_normals(seed, 33) for seed in range(400)])
    assert abs(float(normals.mean())) < 0.03 and abs(float(normals.std()) - 1) < 0.02
    assert abs(float(normals[1:, 0] @ normals[:-1, 0]) / 399) < 0.15  # neighbouring seeds have nothing in common
    assert float(normals.abs().max()) > 3.5


@pytest.fixture(scope="module")
def runtime() -> Path:
    if not all((RUNTIME / name).is_file() for name in SEALS):
        pytest.skip(f"{PACKAGE} {VERSION} is not in {RUNTIME}; saddle export RUN --to web fetches it by npm, or let "
                    "SADDLE_WEB_RUNTIME name a folder that holds it")  # fmt: skip
    return RUNTIME


def loud(run: Path, how: float = 8.0) -> LoadedGame:
    """A run whose samples differ to the eye, hardly trained as it is."""
    loaded = load(run, device="cpu")
    with torch.no_grad():
        for weight in loaded.game.parameters():
            weight.mul_(how if weight.ndim == 4 else 1.0)
    return loaded


def exported(loaded: LoadedGame, run: Path, target: Path, **more: Any) -> Path:
    about = run_facts(Manifest.read(RunFolder.find(run)))
    return Path(export_web(loaded, target, run=run, about=about, runtime=RUNTIME, **more).path)


def trained(name: str, folder: Path, **more: Any) -> Path:
    return train(small(name), out=folder / name, images=8, pictures=0, quiet=True, seed=1, device="cpu",
                 **{"size": 16, "limit": 64, **more})  # fmt: skip


class Exported(dict[str, Any]):
    """An exported page: `folder`, and the `loaded` game that it was made of."""


@pytest.fixture(scope="module")
def letters(runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Glyphs by class, out of a normal latent of many numbers."""
    home = tmp_path_factory.mktemp("letters")
    run = trained("cgan", home, size=32)
    loaded = loud(run)
    return Exported(folder=exported(loaded, run, home / "page").parent, loaded=loaded, run=run)


def ready(visit: Visits, address: str | Path, **how: Any) -> Any:
    page = visit(address, **how)
    page.wait_for_function("window.saddle?.ready || !document.getElementById('fault').hidden")
    assert page.is_hidden("#fault"), page.inner_text("#fault")
    return page


def canvas(page: Any, name: str = "#picture") -> np.ndarray:
    """The levels on a canvas, (height, width, 4)."""
    read = """(canvas) => { const { width, height } = canvas;
      return [height, width, Array.from(canvas.getContext('2d').getImageData(0, 0, width, height).data)] }"""
    height, width, levels = page.eval_on_selector(name, read)
    return np.array(levels, dtype=np.int64).reshape(height, width, 4)


def levels(image: Tensor) -> np.ndarray:
    """A sample as the levels that Python writes, (height, width, channels)."""
    return ((image.clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).long().numpy()


def settle(page: Any) -> None:
    late = "new Promise((_, no) => setTimeout(() => no(new Error('the page is still at work')), 60000))"
    page.evaluate(f"Promise.race([saddle.update(), {late}])")


def close_to(page: Any, image: Tensor, name: str = "#picture") -> bool:
    """Are the pixels on the page those of the sample, to one of 255 levels?"""
    return bool(np.abs(canvas(page, name)[..., :3] - levels(image)).max() <= 1)


@pytest.mark.parametrize("way", ["file", "http"])
def test_a_page_makes_pythons_samples(visit: Visits, letters: Exported, way: str) -> None:
    game, size = letters["loaded"].game, int(letters["loaded"].game.latent)
    with serve_folder(letters["folder"]) as address:
        page = ready(visit, letters["folder"] / "index.html" if way == "file" else f"{address}/index.html")
        assert "Runs on the processor (WebAssembly)" in page.inner_text("#status")
        first = game.make(page_normals(0, size), torch.tensor([0]))[0]
        assert close_to(page, first) and np.ptp(levels(first)) > 20
        page.fill("#seed", "7")
        page.press("#seed", "Enter")
        page.get_by_text("K", exact=True).click()
        settle(page)
        told = torch.tensor([letters["loaded"].classes.index("K")])
        other = letters["loaded"].generator(page_normals(7, size), told)[0]
        assert close_to(page, other) and not close_to(page, first)
        raw = page.evaluate("(async () => Array.from(await saddle.run(saddle.given())))()")
        torch.testing.assert_close(torch.tensor(raw), other.flatten(), rtol=0, atol=1e-3)
        before = canvas(page)
        page.get_by_label("number 1").press("End")
        settle(page)
        moved = torch.tensor(list(page.evaluate("Array.from(saddle.given().latent)")))[None]
        assert np.abs(canvas(page) - before).max() > 1 and close_to(page, game.make(moved, told)[0])
        page.get_by_role("button", name="Reset").click()
        settle(page)
        assert np.array_equal(canvas(page), before)


def test_all_can_be_reached_by_keyboard_and_has_a_name(visit: Visits, letters: Exported) -> None:
    page = ready(visit, letters["folder"] / "index.html")
    named = """one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent"""
    all_of_them = "[...document.querySelectorAll('button, input, select, canvas')]"
    shown = f"{all_of_them}.filter((one) => one.checkVisibility() && !one.ariaHidden)"
    names = page.evaluate(f"{shown}.map((one) => {named})")
    assert len(names) > 40 and all(name.strip() for name in names)
    page.focus("#seed")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "next"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    settle(page)
    assert page.input_value("#seed") == "1"
    assert page.get_attribute("#picture", "aria-label") == "sample of seed 1, 1"


def test_other_samples_are_shown_and_chosen_and_the_picture_is_saved(visit: Visits, letters: Exported) -> None:
    page, loaded = ready(visit, letters["folder"] / "index.html", width=NARROW, dark=True), letters["loaded"]
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW  # nothing sticks out of a telephone
    page.get_by_role("button", name="seed 3", exact=True).click()
    settle(page)
    made = loaded.game.make(page_normals(3, loaded.game.latent), torch.tensor([0]))[0]
    assert page.input_value("#seed") == "3" and close_to(page, made)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save picture").click()
    assert saved.value.suggested_filename == "seed-3.png"
    picture = np.asarray(Image.open(saved.value.path()).convert("L")).astype(int)
    assert np.abs(picture - levels(made)[..., 0]).max() <= 1


def test_a_walk_goes_from_sample_to_sample_until_it_is_stopped(visit: Visits, letters: Exported) -> None:
    page = ready(visit, letters["folder"] / "index.html")
    before = canvas(page)
    page.get_by_role("button", name="Walk").click()
    page.wait_for_function("document.getElementById('seed').value === '1'")
    page.get_by_role("button", name="Stop").click()
    settle(page)
    seed = int(page.input_value("#seed"))
    game = letters["loaded"].game
    assert seed >= 1 and np.abs(canvas(page) - before).max() > 1
    assert close_to(page, game.make(page_normals(seed, game.latent), torch.tensor([0]))[0])


def test_a_page_whose_pictures_are_not_pythons_says_so_and_shows_none(
    visit: Visits, letters: Exported, tmp_path: Path
) -> None:
    for file in letters["folder"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    model = (tmp_path / "model.js").read_text()
    right = re.search('"levels":"([^"]+)"', model)
    assert right
    wrong = bytes(255 - level for level in base64.b64decode(right[1]))
    (tmp_path / "model.js").write_text(model.replace(right[1], base64.b64encode(wrong).decode()))
    page = visit(tmp_path / "index.html")
    page.wait_for_selector("#fault:not([hidden])")
    assert "makes other pictures than Python did" in page.inner_text("#fault") and page.is_hidden("#generate")


def test_names_are_text_and_never_tags_also_in_one_file(visit: Visits, letters: Exported, tmp_path: Path) -> None:
    loaded = load(letters["run"], device="cpu")
    hostile = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    loaded.classes = (hostile, *loaded.classes[1:])
    one = exported(loaded, letters["run"], tmp_path / "one" / "letters.html")
    assert list(one.parent.iterdir()) == [one] == [tmp_path / "one" / "letters.html"]
    page = ready(visit, one)
    assert page.title() == "cgan on glyphs" and page.locator(".chip").first.inner_text() == hostile


JS_CHANCE = """([seed, size]) => ({
  normal: Array.from(drawLatent([{ numbers: size, distribution: 'normal' }], seed)),
  parts: Array.from(drawLatent([{ numbers: 3, distribution: 'uniform', low: -1, high: 3 },
    { numbers: 4, distribution: 'one-hot' }, { numbers: 2, distribution: 'uniform', low: -1, high: 1 }], seed)),
  drawn: Array.from(drawLatent([{ numbers: 2, distribution: 'drawn', rows: Float32Array.of(1, 2, 3, 4, 5, 6) }], seed)),
  cut: [0.1, 0.5, 1, 2.5].map((t) => Array.from(
    truncateNormals(drawLatent([{ numbers: size, distribution: 'normal' }], seed), t))),
  shares: [-9, -3, -1, 0, 0.5, 2.9999, 3, 7].map(normalShare),
})"""


def test_latents_are_drawn_and_truncated_as_in_python(visit: Visits, tmp_path: Path) -> None:
    (tmp_path / "chance.html").write_text(f"<script>{(TEMPLATE / 'chance.js').read_text()}</script>")
    page = visit(tmp_path / "chance.html")
    for seed in (0, 1, WORD - 1):
        found = page.evaluate(JS_CHANCE, [seed, 257])
        torch.testing.assert_close(torch.tensor(found["normal"])[None], page_normals(seed, 257), rtol=0, atol=1e-6)
        u = dice(seed)
        noise, share = [4 * next(u) - 1 for _ in range(3)], next(u)
        category, numbers = [float(i == int(4 * share)) for i in range(4)], [2 * next(u) - 1 for _ in range(2)]
        assert found["parts"] == pytest.approx(noise + category + numbers, abs=1e-6)
        assert found["drawn"] == [[1, 2], [3, 4], [5, 6]][int(3 * next(dice(seed)))]
        for threshold, cut in zip((0.1, 0.5, 1, 2.5), found["cut"], strict=True):
            wanted = truncate_normal(page_normals(seed, 257), threshold)[0]
            torch.testing.assert_close(torch.tensor(cut), wanted, rtol=0, atol=1e-5)
    shares = torch.special.ndtr(torch.tensor([-9, -3, -1, 0, 0.5, 2.9999, 3, 7], dtype=torch.float64))
    torch.testing.assert_close(torch.tensor(found["shares"], dtype=torch.float64), shares, rtol=1e-12, atol=1e-15)


GIVEN = "Object.fromEntries(Object.entries(saddle.given()).map(([name, value]) => [name, Array.from(value ?? [])]))"


def test_styles_are_truncated_and_moved_along_principal_directions(
    visit: Visits, runtime: Path, tmp_path: Path
) -> None:
    run = trained("stylegan2-ada-small", tmp_path)
    loaded = loud(run, 1.0)
    game: Any = loaded.game
    page = ready(visit, exported(loaded, run, tmp_path / "page"))
    page.get_by_label("Truncation").press("Home")
    page.get_by_label("direction 2").fill("1.5")
    settle(page)
    given = {name: torch.tensor(value) for name, value in page.evaluate(GIVEN).items()}
    assert given["truncation"] == 0 and given["shift"].any() and len(given["noise"]) > 100
    torch.testing.assert_close(given["latent"][None], page_normals(0, game.latent), rtol=0, atol=1e-6)
    noise = {"normal": given["noise"][None]}
    with torch.no_grad(), supply_draws(Supplied(noise)):
        ws = game.styles(given["latent"][None], truncation=0.0) + given["shift"]
        assert close_to(page, game.synthesize(ws)[0])
    page.get_by_label("Truncation").fill("0.5")
    settle(page)
    with torch.no_grad(), supply_draws(Supplied(noise)):
        ws = game.styles(given["latent"][None], truncation=0.5) + given["shift"]
        made = game.synthesize(ws)[0]
    assert close_to(page, made) and np.ptp(levels(made)) > 20


@pytest.fixture(scope="module")
def drawings(runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Glyphs out of their outlines, by pix2pix."""
    home = tmp_path_factory.mktemp("drawings")
    run = trained("pix2pix", home, data="glyphs", size=32)
    loaded = loud(run)
    return Exported(folder=exported(loaded, run, home / "page").parent, loaded=loaded, run=run)


def translated(page: Any, loaded: LoadedGame) -> Tensor:
    """What Python makes of what is drawn on the page."""
    source = torch.tensor(canvas(page, "#source")[..., :1]).permute(2, 0, 1) / 127.5 - 1
    game: Any = loaded.game
    made: Tensor = game.translate(source[None].float(), noise=False)[0]
    return made


@pytest.mark.parametrize("way", ["file", "http"])
def test_what_is_drawn_becomes_what_python_makes(visit: Visits, drawings: Exported, tmp_path: Path, way: str) -> None:
    with serve_folder(drawings["folder"]) as address:
        page = ready(visit, drawings["folder"] / "index.html" if way == "file" else f"{address}/index.html")
        empty = canvas(page, "#source")
        assert np.ptp(empty[..., :3]) == 0 and close_to(page, translated(page, drawings["loaded"]), "#result")
        box = page.locator("#source").bounding_box()
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
        page.mouse.down()
        for place in (0.5, 0.7):
            page.mouse.move(box["x"] + place * box["width"], box["y"] + place * box["height"], steps=4)
        page.mouse.up()
        settle(page)
        drawn = canvas(page, "#source")
        assert np.abs(drawn - empty).max() > 100 and close_to(page, translated(page, drawings["loaded"]), "#result")
        Image.fromarray(np.arange(60 * 40, dtype=np.uint8).reshape(40, 60)).save(tmp_path / "mine.png")
        page.set_input_files("#file", tmp_path / "mine.png")
        page.wait_for_function("document.getElementById('file').value === ''")
        page.wait_for_timeout(100)
        settle(page)
        assert not np.array_equal(canvas(page, "#source"), drawn)
        assert close_to(page, translated(page, drawings["loaded"]), "#result")
        page.get_by_role("button", name="Undo").click()
        assert np.array_equal(canvas(page, "#source"), drawn)
        page.get_by_role("button", name="Clear").click()
        settle(page)
        assert np.array_equal(canvas(page, "#source"), empty)


def test_what_is_no_picture_is_refused_in_words(visit: Visits, drawings: Exported, tmp_path: Path) -> None:
    page = ready(visit, drawings["folder"] / "index.html", width=NARROW)
    before = canvas(page, "#source")
    (tmp_path / "notes.png").write_text("no picture")
    page.set_input_files("#file", tmp_path / "notes.png")
    page.wait_for_function("document.getElementById('status').textContent.includes('no picture')")
    assert np.array_equal(canvas(page, "#source"), before)
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW


SOFTWARE_CARD = ("--enable-unsafe-webgpu", "--enable-features=Vulkan", "--use-webgpu-adapter=swiftshader",
                 "--enable-unsafe-swiftshader")  # fmt: skip


@pytest.fixture
def carded(chromium: Browser, tmp_path: Path) -> Iterator[Visits]:
    """A browser with a graphics card of software."""
    browser = chromium.browser_type.launch(executable_path=find_chromium(), args=[*ARGUMENTS, *SOFTWARE_CARD])
    visits = Visits(browser, tmp_path)
    yield visits
    visits.close()
    browser.close()
    visits.check()


@pytest.mark.slow  # a card of software is slow
def test_the_graphics_card_is_used_where_it_makes_the_same_pictures_alone(
    carded: Visits, letters: Exported, tmp_path: Path
) -> None:
    game = letters["loaded"].game
    page = exported(letters["loaded"], letters["run"], tmp_path / "page", webgpu=True)
    shown = ready(carded, page)
    if not shown.evaluate("(async () => Boolean(await navigator.gpu?.requestAdapter()))()"):
        pytest.skip("this Chromium has no WebGPU")
    shown.wait_for_function("saddle.settled")
    shown.check("#gpu")
    shown.wait_for_function("document.getElementById('status').textContent.includes('(WebGPU, checked)')")
    settle(shown)
    assert close_to(shown, game.make(page_normals(0, game.latent), torch.tensor([0]))[0])
    text, right = page.read_text(), "const made = await this.run(inputs);"
    assert right in text  # a card that makes something else
    page.write_text(text.replace(right, f"{right} if (this.way === 'webgpu') made.fill(1);"))
    other = ready(carded, page)
    other.wait_for_function("saddle.settled")
    assert "The graphics card is left alone: its pictures differ by" in other.inner_text("#status")
    assert "Runs on the processor" in other.inner_text("#status") and other.is_hidden("#gpu")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dcgan", "lsgan", "biggan-cifar", "infogan", "vae-plane", "gan-int-cls", "cyclegan",
                                  "cut", "ae", "bigan", "pggan"])  # fmt: skip
def test_every_kind_of_run_has_a_page_that_makes_its_pictures(
    visit: Visits, runtime: Path, tmp_path: Path, name: str
) -> None:
    data = pictures_for(name, 16)
    run = trained(name, tmp_path, **({} if data is None else {"data": data, "size": None, "limit": None}))
    page = ready(visit, exported(load(run, device="cpu"), run, tmp_path / "page"), width=NARROW)
    assert "Its pictures equal those of Python" in page.inner_text("#status")
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW
    for chip in page.locator(".chip").all()[:3]:
        chip.click()
    settle(page)
    if name == "infogan":
        page.get_by_text("7", exact=True).click()
        page.get_by_label("code 2").press("End")
        settle(page)
        given = page.evaluate("Array.from(saddle.given().latent)")
        assert given[-10:-2] == [float(i == 7) for i in range(8)] and given[-1] == 1
