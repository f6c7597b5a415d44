"""The studio's tab Explore: its pictures are those that Python makes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from saddle import load
from saddle.cli import main
from saddle.errors import Mistake
from saddle.latent import LatentSpace, between, closed_form_directions, mix_styles
from saddle.latent.styles import StyleSpace, parse_layers
from saddle.runs.folder import RunFolder
from saddle.studio.context import StudioContext
from saddle.studio.explore_answers import CONTROLS, choose_run, draw, draw_others
from saddle.studio.exploring import Picked, Wish, arithmetic, mixtures, moved, sample_grid, walk_at
from saddle.studio.fitting_runs import wished
from saddle.studio.models import MOST_RUNS, RUNS, Kept, open_model
from saddle.studio.picking import Picks, describe_picks, pick_place

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio")
TINY = ["--size", "16", "--batch", "8", "--images", "16", "--limit", "32", "--quiet"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name, words in {
        "plain": ["dcgan", "--data", "glyphs", "--networks.width", "8"],
        "classes": ["cgan", "--data", "glyphs", "--networks.width", "8"],
        "styles": ["stylegan2-ada-small", "--data", "glyphs", "--networks.width", "8"],
        "texts": ["gan-cls", "--data", "glyphs", "--networks.width", "8"],
    }.items():
        main(["train", *words, *TINY, "--out", str(folder / name)])
    return folder


def model_of(runs: Path, name: str):
    return open_model(RunFolder.find(runs / name))


def test_samples_are_those_of_python(runs: Path) -> None:
    made = sample_grid(model_of(runs, "plain"), Wish(5, 3))
    assert torch.equal(made, load(runs / "plain").sample(5, 3))
    model = model_of(runs, "classes")
    name = model.classes[1]
    assert torch.equal(sample_grid(model, Wish(4, 1, name)), load(runs / "classes").sample(4, 1, name))
    styled = sample_grid(model_of(runs, "styles"), Wish(4, 1, truncation=0.5))
    assert torch.equal(styled, load(runs / "styles").sample(4, 1, truncation=0.5))
    assert not torch.equal(styled, load(runs / "styles").sample(4, 1))


def test_a_text_is_what_samples_are_made_for(runs: Path) -> None:
    model, gan = model_of(runs, "texts"), load(runs / "texts")
    caption = next(iter(gan.shape.condition.captions))
    assert torch.equal(sample_grid(model, Wish(3, 2, text=caption)), gan.sample(3, 2, text=caption))
    assert model.reads_texts and "latents are searched of" in model.why_no_space()


def test_a_run_on_captions_offers_a_text_and_no_tools(runs: Path) -> None:
    context, name = StudioContext(runs=runs), str(runs / "texts")
    label, text, _, mixing, tools, *rest = choose_run(context, name, 0, 4)
    assert text["visible"] and not label["visible"] and not mixing["visible"] and not tools["visible"]
    assert str(rest[CONTROLS]).count("<img") == 4, "its samples are shown before anything is written"
    caption = next(iter(load(runs / "texts").shape.condition.captions))
    told, plain = (draw(context, name, 3, 4, "", text, 1)[0] for text in (caption, ""))
    assert told.count("<img") == 4 and told != plain
    why = draw(context, name, 3, 4, "", "zebra", 1)[:2]
    assert why[0] == "" and "zebra" in why[1]


def test_one_answer_changes_all_that_depends_on_a_wish(runs: Path) -> None:
    context, name = StudioContext(runs=runs), str(runs / "plain")
    seed, *changed = draw_others(context, name, 7, 4, "", "", 1)
    assert changed == draw(context, name, seed, 4, "", "", 1)
    refused = choose_run(context, "/etc", 0, 4)
    assert len(refused) == len(choose_run(context, name, 0, 4)) and "no such run" in refused[-7]


def test_sliders_move_along_the_directions_of_python(runs: Path) -> None:
    model, gan = model_of(runs, "plain"), load(runs / "plain")
    directions, picked = model.directions("sefa", 3), Picked(model, Wish(4, 7))
    before, after = moved(picked.space, *picked.of(2), directions, [1.5, 0.0, -2.0])
    space = LatentSpace(gan)
    own, z = closed_form_directions(space, 3), space.draw(4, 7)[2:3]
    there = own[2].add(own[0].add(z, 1.5), -2.0)
    assert torch.equal(before, space.make_all(torch.cat((z, there)))[0])
    assert torch.allclose(after, space.make_all(torch.cat((z, there)))[1], atol=1e-6)
    assert not torch.allclose(before, after)


def test_a_walk_goes_the_way_of_python_and_its_ends_are_the_samples(runs: Path) -> None:
    model, gan = model_of(runs, "plain"), load(runs / "plain")
    way = walk_at(Picked(model, Wish(6, 1)), 1, 4, [0, 0.25, 1])
    space = LatentSpace(gan)
    z = space.draw(6, 1)
    t = torch.tensor([0, 0.25, 1])
    there = between(space, z[1:2].expand(3, *z.shape[1:]), z[4:5].expand(3, *z.shape[1:]), t)
    assert torch.equal(way, space.make_all(there))
    assert torch.allclose(way[[0, 2]], gan.sample(6, 1)[[1, 4]], atol=1e-5)


def test_a_walk_between_classes_changes_the_class_halfway(runs: Path) -> None:
    model = model_of(runs, "classes")
    picked = Picked(model, Wish(12, 0))
    a = 0
    b = next(i for i in range(12) if picked.told[i] != picked.told[a])
    ends = walk_at(picked, a, b, [0, 1])
    assert torch.allclose(ends, sample_grid(model, Wish(12, 0))[[a, b]], atol=1e-5)


def test_sums_of_latents(runs: Path) -> None:
    model = model_of(runs, "plain")
    picked = Picked(model, Wish(6, 0))
    z = picked.latents
    expected = model.space().make_all((z[[0, 1]].mean(0) - z[2] + z[[3, 4]].mean(0))[None])
    assert torch.allclose(arithmetic(picked, [0, 1], [2], [3, 4]), expected, atol=1e-5)
    assert torch.allclose(arithmetic(picked, [5], [], []), sample_grid(model, Wish(6, 0))[5:], atol=1e-5)
    with pytest.raises(Mistake, match="pick one or more"):
        arithmetic(picked, [], [1], [])
    with pytest.raises(Mistake, match="there is no sample 6; there are 0 to 5"):
        arithmetic(picked, [6], [], [])


def test_styles_are_mixed_as_python_mixes_them(runs: Path) -> None:
    model, space = model_of(runs, "styles"), StyleSpace(load(runs / "styles"))
    w = space.draw(4, 0)
    found = mixtures(Picked(model, Wish(4, 0)), 0, 3)
    for name, image in found.items():
        expected = space.make_all(mix_styles(w[:1], w[3:], parse_layers(name, space.layers)))[0]
        assert torch.allclose(image, expected, atol=1e-5)
    assert [*found] == ["coarse", "middle", "fine"] and len(model.directions("pca", 3, "fine")) == 3


def test_clicks_become_picks() -> None:
    picks = Picks()
    for place in (3, 5):
        picks = pick_place(picks, "walk", "", place)
    assert describe_picks(picks, "walk") == {"from": (3,), "to": (5,)}
    assert pick_place(picks, "walk", "", 9).pair == (9,), "a third begins a new pair"
    picks = pick_place(pick_place(picks, "sum", "these", 2), "sum", "plus", 2)
    assert (picks.these, picks.plus) == ((), (2,)), "a sample stands on one side"
    assert pick_place(picks, "sum", "plus", 2).plus == (), "a second click undoes"


HOSTILE = [("n", 65), ("n", 0), ("n", "many"), ("seed", -1), ("seed", 1.5), ("seed", "7")]


@pytest.mark.parametrize(("field", "value"), HOSTILE)
def test_what_is_no_wish_is_refused(field: str, value: object, runs: Path) -> None:
    given = {"run": str(runs / "plain"), "seed": 0, "n": 4, "label": "", "text": "", "truncation": 1} | {field: value}
    with pytest.raises(Mistake, match=r"samples were asked for|seed is"):
        wished(StudioContext(runs=runs), list(given.values()))


@pytest.mark.parametrize("name", ["../plain", "/etc", "", None, 3, ["plain"]])
def test_only_runs_that_were_shown_are_opened(name: object, runs: Path) -> None:
    with pytest.raises(Mistake, match=r"choose a run first|there is no such run"):
        wished(StudioContext(runs=runs), [name, 0, 4, "", "", 1])


def test_a_run_is_loaded_once_and_few_are_kept(runs: Path) -> None:
    assert model_of(runs, "plain") is model_of(runs, "plain")
    kept, worked = Kept(2), []
    for key in (1, 2, 3, 1, 1):
        kept.get(key, lambda key=key: worked.append(key))
    assert worked == [1, 2, 3, 1] and len(kept.found) == 2 and RUNS.most == MOST_RUNS
