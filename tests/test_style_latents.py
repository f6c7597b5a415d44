"""Styles mixed, walked through, found again and moved: on a linear generator all of it is known."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latent_games import linear
from saddle import load, measure, train
from saddle.errors import Mistake
from saddle.latent import Direction, LatentSpace, StyleSpace, mix_styles, walk
from saddle.latent.factors import closed_form_directions, largest_changes, principal_directions
from saddle.latent.projection import Projecting, project
from saddle.latent.styles import mixing_sheet, open_space, parse_layers
from saddle.metrics.features.extractor import to_byte_values, unrounded
from saddle.metrics.paired import psnr
from styled import LATENT, LAYERS, STYLE, styled
from test_using_runs import RECIPES_FILE, SETTINGS
from typed import Say

STYLED_FILE = Path(__file__).parent / "styled.py"


def test_styles_are_those_of_the_samples_and_of_equal_noise():
    loaded = styled()
    space = StyleSpace(loaded)
    torch.testing.assert_close(space.make_all(space.draw(5, 3)), loaded.sample(5, seed=3))
    assert space.draw(70, 3).shape == (70, LAYERS, STYLE) and space.labels(3, 0) is None
    noisy = StyleSpace(styled(noise=1.0))
    same = noisy.make(noisy.draw(1, 0).expand(6, -1, -1))
    torch.testing.assert_close(same, same[:1].expand_as(same))
    assert float(same.std()) > 0.5
    torch.testing.assert_close(same[:2], noisy.make(noisy.draw(1, 0).expand(2, -1, -1)))


def test_drawn_styles_are_truncated_towards_the_mean_in_the_first_layers():
    loaded = styled()
    whole, cut = StyleSpace(loaded).draw(4, 0), StyleSpace(loaded, truncation=0.5, cutoff=2).draw(4, 0)
    torch.testing.assert_close(cut[:, :2], 0.5 + 0.5 * whole[:, :2])
    assert torch.equal(cut[:, 2:], whole[:, 2:])


def test_the_label_is_part_of_a_style():
    loaded = styled(classes=3)
    samples = loaded.sample(6, seed=1)  # of random labels
    space = StyleSpace(loaded)
    torch.testing.assert_close(space.make_all(space.draw(6, 1)), samples)
    torch.testing.assert_close(
        StyleSpace(loaded, "b").make_all(StyleSpace(loaded, "b").draw(2, 1)), loaded.sample(2, seed=1, label="b")
    )


def test_mixed_images_have_their_layers_from_both():
    space = StyleSpace(styled())
    a, b = space.draw(5, 0)[:2], space.draw(5, 0)[2:]
    sheet = mixing_sheet(space, a, b, range(2, LAYERS))
    assert sheet.shape == (2, 3, 1, 8, 8)
    image_a, image_b = space.make_all(a), space.make_all(b)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(sheet[i, j], torch.cat((image_a[i, :, :4], image_b[j, :, 4:]), 1))
    ends = mixing_sheet(space, a[:1], b[:1], range(LAYERS)), mixing_sheet(space, a[:1], b[:1], [])
    assert torch.equal(ends[0][0], space.make_all(b[:1])) and torch.equal(ends[1][0], space.make_all(a[:1]))
    with pytest.raises(Mistake, match=r"there is no layer \[4\]; this generator's are 0 to 3"):
        mix_styles(a, b[:2], [1, 4])


def test_layers_are_named_by_number_or_in_words():
    assert parse_layers("0-2,5", 8) == [0, 1, 2, 5] and parse_layers("all", 3) == [0, 1, 2]
    for count, sizes in ((18, (4, 4, 10)), (14, (4, 4, 6)), (8, (3, 3, 2)), (3, (1, 1, 1))):
        groups = [parse_layers(name, count) for name in ("coarse", "middle", "fine")]
        assert tuple(map(len, groups)) == sizes and [i for one in groups for i in one] == list(range(count))
    for wrong in ("8", "3-1", "a", "-1", "0,,1", "99999999999"):
        with pytest.raises(Mistake, match=r"coarse, middle, fine, all, or numbers from 0 to 7, as 0-3"):
            parse_layers(wrong, 8)


def test_ways_between_styles_are_straight_and_a_loop_ends_where_it_began():
    space = StyleSpace(styled())
    stops = space.draw(3, 0)
    way = walk(space, stops, 5, loop=True)
    assert way.shape == (3, 5, LAYERS, STYLE)
    torch.testing.assert_close(way[0, 2], (stops[0] + stops[1]) / 2)
    torch.testing.assert_close(way[2, -1], stops[0]) and torch.equal(way[0, 0], stops[0])
    with pytest.raises(Mistake, match="one of auto, z, w"):
        open_space(styled(), space="x")  # type: ignore[arg-type]
    assert type(open_space(styled(), space="z")) is LatentSpace and type(open_space(linear())) is LatentSpace
    for more in ({"space": "w"}, {"truncation": 0.7}, {"cutoff": 2}):
        with pytest.raises(Mistake, match="this run makes its samples without styles, which"):
            open_space(linear(), **more)
    with pytest.raises(Mistake, match="leave out --space z"):
        open_space(styled(), space="z", truncation=0.7)


def test_the_schedule_of_a_projection_is_the_papers():
    how = Projecting()
    assert [how.rate(step) for step in (0, 25, 50, 750)] == pytest.approx([0, 0.05, 0.1, 0.1])
    assert how.rate(875) == pytest.approx(0.05) and how.rate(1000) == pytest.approx(0)
    assert how.shake(0) == 0.05 and how.shake(375) == pytest.approx(0.0125) and how.shake(750) == how.shake(999) == 0


@pytest.mark.parametrize("each_layer", [False, True])
def test_an_images_own_styles_are_found_again_alone_as_among_others(each_layer: bool):
    loaded = styled(noise=0.1)
    space = StyleSpace(loaded)
    truth = space.draw(2, 9)
    if each_layer:
        truth = mix_styles(truth, truth.flip(0), [0, 1])
    images, how = space.make_all(truth), Projecting(steps=150, samples=50, each_layer=each_layer)
    found = project(loaded, images, how)
    assert float(psnr(found.images, images).min()) > 40
    torch.testing.assert_close(found.latents, truth, atol=0.05, rtol=0)
    alone = project(loaded, images[1:], how)
    assert torch.equal(alone.latents[0], found.latents[1]) and torch.equal(alone.images[0], found.images[1])
    if each_layer:
        return
    mixed = project(loaded, space.make_all(mix_styles(truth, truth.flip(0), [0, 1])), how)
    assert torch.equal(mixed.latents, mixed.latents[:, :1].expand_as(mixed.latents))  # one style, which fits less
    assert float(mixed.distances.min()) > float(found.distances.max())


def test_the_first_closed_form_direction_changes_most():
    space = StyleSpace(styled())
    found, w = closed_form_directions(space, STYLE), space.draw(1, 0)
    units = torch.stack([one.vector[0] / one.vector[0].norm() for one in found])
    torch.testing.assert_close(units @ units.T, torch.eye(STYLE), atol=1e-5, rtol=0)
    change = [float((space.make(w + unit) - space.make(w)).norm()) for unit in units]
    assert change == sorted(change, reverse=True)
    others = torch.nn.functional.normalize(torch.randn(500, STYLE), dim=1)
    changed = (space.make(w + others[:, None]) - space.make(w)).flatten(1).norm(dim=1)
    assert float(changed.max()) < change[0] * (1 + 1e-5) and float(changed.min()) > change[-1] * (1 - 1e-5)
    matrices = [layer.weight for layer in space.game.generator.each]
    torch.testing.assert_close(largest_changes(matrices[::-1], 3), units[:3], atol=1e-5, rtol=0)  # order is nothing


def test_directions_of_some_layers_move_these_alone_and_by_a_standard_deviation():
    space = StyleSpace(styled())
    (one,) = closed_form_directions(space, 1, [1, 2])
    moved = space.make(one.add(space.draw(1, 0))) - space.make(space.draw(1, 0))
    assert moved[..., :2, :].abs().max() == moved[..., 6:, :].abs().max() == 0 and moved.abs().max() > 0
    matrix = torch.cat([layer.weight for layer in space.game.generator.each][1:3])
    lead = torch.linalg.svd(matrix).Vh[0]
    assert float((one.vector[1] / one.vector[1].norm() @ lead).abs()) == pytest.approx(1, abs=1e-5)
    assert float(one.vector[1].norm()) == pytest.approx(float((space.draw_w(1024, 0) @ lead).std()), rel=1e-4)


def test_principal_directions_are_those_in_which_styles_vary():
    """w = 1 + M z has covariance M M^T, of rank LATENT."""
    space = StyleSpace(styled())
    found = principal_directions(space, LATENT)
    m = space.game.generator.first.weight
    values, vectors = torch.linalg.eigh(m @ m.T)
    for i, one in enumerate(found):
        assert float(one.vector[0].norm()) == pytest.approx(math.sqrt(float(values[-1 - i])), rel=0.05)
    assert float((found[0].vector[0] / found[0].vector[0].norm() @ vectors[:, -1]).abs()) > 0.99


def test_ordinary_generators_have_directions_of_their_first_layer():
    class Game(type(linear().game)):
        def make(self, latents, condition=None):
            return self.layer(latents).view(-1, *self.data[:3])

    loaded = linear()
    loaded.game.__class__ = Game
    loaded.game.layer = torch.nn.Linear(4, 144).requires_grad_(False)
    space = LatentSpace(loaded)
    found = closed_form_directions(space, 2)
    lead = torch.linalg.svd(loaded.game.layer.weight).Vh[:2]
    for one, row in zip(found, lead, strict=True):
        assert float((one.vector / one.vector.norm() @ row).abs()) == pytest.approx(1, abs=1e-4)
        assert float(one.vector.norm()) == pytest.approx(1, rel=0.1)  # of normal latents
    with pytest.raises(Mistake, match="without a layer of weights"):
        closed_form_directions(LatentSpace(linear()), 1)
    with pytest.raises(Mistake, match="ask for sefa"):
        principal_directions(space, 1)
    with pytest.raises(Mistake, match="count is 5, but there are 1 to 4 directions"):
        closed_form_directions(space, 5)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with styles, one that is told classes, and one without styles, of light and dark pictures."""
    folder = tmp_path_factory.mktemp("styles")
    dice = np.random.default_rng(0)
    for place in range(24):
        path = folder / "photos" / ("dark", "light")[place % 2] / f"{place:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dice.integers(128 * (place % 2), 128 + 127 * (place % 2), (8, 8), np.uint8)).save(path)
    train(f"{STYLED_FILE}:Styled", str(folder / "photos"), out=folder / "S", size=8, labels="none", **SETTINGS)
    train(f"{STYLED_FILE}:Styled", str(folder / "photos"), out=folder / "told", size=8, **SETTINGS)
    train(f"{RECIPES_FILE}:GAN", str(folder / "photos"), out=folder / "GAN", size=8, **SETTINGS)
    return folder


def test_styles_are_mixed_by_a_command(home: Path, say: Say, tmp_path: Path):
    assert say("mix H/S --rows 0-1 --columns 4,5,9 --layers 0-2 --to mixed.png") == (0, "mixed.png\n", "")
    assert say("mix H/told --truncation 0.7 --cutoff 2")[:2] == (0, f"{home}/told/mixed.png\n")
    assert say("style-mixing H/S --layers fine --label light")[0] == 2
    with Image.open("mixed.png") as sheet:
        assert sheet.width > sheet.height


def test_pictures_are_projected_by_a_command(home: Path, say: Say):
    pair, few = "H/photos/dark/00.png H/photos/light/01.png", "--steps 3"
    for run, more in (("S", ""), ("S", "--space w+"), ("told", "--label dark"), ("S", "--space z"), ("GAN", "")):
        assert say(f"project H/{run} {pair} {few} {more} --to near.png")[:2] == (0, "near.png\n")


def test_ways_and_edits_are_among_styles(home: Path, say: Say):
    assert say("interpolate H/S --samples 0-2 --frames 4 --loop --film webp --to w.png")[:2] == (0, "w.webp\nw.png\n")
    space = StyleSpace(load(home / "S"))
    samples = space.make_all(space.draw(3, 0)).clamp(-1, 1)
    with Image.open("w.webp") as film:
        assert film.n_frames == 9  # three ways of four, each of which ends where the next begins
        for place in range(3):
            film.seek(3 * place)
            shown = np.asarray(film.convert("L").resize((8, 8), Image.Resampling.NEAREST), np.int16)
            assert np.abs(shown - ((samples[place, 0] + 1) * 127.5).numpy()).max() < 2
    for more in ("--space z", "--truncation 0.5 --cutoff 1", "--space w", "--loop"):
        assert say(f"interpolate H/S --samples 0,1 --frames 3 {more} --to way.png")[0] == 0
    pair = "H/photos/dark/00.png H/photos/light/01.png --steps 2 --restarts 1 --frames 3 --to f.png"
    for more in ("", "--space w+", "--by search"):
        assert say(f"interpolate H/S {pair} {more}")[0] == 0
    assert say("interpolate H/told --samples 0-3 --to way.png") == (0, "way.png\n", "")  # styles know ways of classes
    assert "is told the class" not in say("edit H/told --plus light --minus dark --codes 0 --to e.png")[2]


def test_directions_are_found_shown_and_taken_by_edits(home: Path, say: Say):
    code, out, _ = say("directions H/S --count 2 --strength=-1,0,1 --to d.png")
    assert (code, out) == (
        0,
        f"{home}/S/directions/sefa-0.safetensors\n{home}/S/directions/sefa-1.safetensors\nd.png\n",
    )
    kept = Direction.read(home / "S/directions/sefa-0.safetensors")
    assert kept.vector.shape == (LAYERS, STYLE) and kept.name == "sefa-0"
    assert say("edit H/S --attribute H/S/directions/sefa-0.safetensors --to e.png")[0] == 0
    assert say("edit H/S H/photos/dark/00.png --steps 2 --attribute H/S/directions/sefa-0.safetensors "
               "--without H/S/directions/sefa-1.safetensors --to e.png")[0] == 0  # fmt: skip
    code, out, _ = say("directions H/S --by pca --layers 0,2-3 --count 1 --sample 3 --to d.png")
    assert (code, out) == (0, f"{home}/S/directions/pca-0-0+2-3.safetensors\nd.png\n")
    layers = Direction.read(home / "S/directions/pca-0-0+2-3.safetensors").vector.abs().sum(1)
    assert layers[1] == 0 and (layers[[0, 2, 3]] > 0).all()
    assert say("sefa H/GAN --count 2 --to d.png")[1].startswith(f"{home}/GAN/directions/sefa-0.safetensors\n")


@pytest.mark.parametrize(("typed", "said"), [
    ("mix H/GAN", "this run makes its samples without styles, which "),
    ("mix H/S --layers 9", "layers is '9', but should be coarse, middle, fine, all, or numbers from 0 to 3, as 0-3"),
    ("mix H/S --rows x", "rows is 'x', but should be places on a sheet, from 0, as 0-3 or 5,9,2"),
    ("mix H/S --cutoff 5", "cutoff is 5, but this generator has 4 layers with styles; give 0 to 4"),
    ("interpolate H/GAN --truncation 0.7", "this run makes its samples without styles, which "),
    ("interpolate H/S --space w --by search", "leave out --by search, or give --space z"),
    ("interpolate H/S --space z --truncation 0.7", "leave out --space z, or --truncation and --cutoff"),
    ("reconstruct H/GAN H/photos", "the recipes ae, "),
    ("reconstruct H/S H/photos/dark", "/S FILES shows the nearest that this run can make"),
    ("project H/S", "project needs RUN and FILES"),
    ("directions H/GAN --by pca", "ask for sefa"),
    ("directions H/GAN --layers coarse", "this run makes its samples without styles, which "),
    ("directions H/S --count 0", "count is 0, but should be 1 to 100"),
    ("directions H/S --count 7", "count is 7, but there are 1 to 6 directions"),
    ("directions H/S --ganspace", "the principal directions of styles is --by pca"),
    ("interpolate H/S --trunc 0.5", "the truncation of styles is --truncation 0.5"),
    ("sample H/S --psi 0.5", "the truncation of styles is --truncation 0.5"),
    ("ganspace H/S", "saddle directions RUN --by pca"),
])  # fmt: skip
def test_what_cannot_be_done_is_refused_in_one_sentence(say: Say, typed: str, said: str):
    code, out, err = say(typed)
    assert (code, out) == (2, "") and re.search(re.escape(said), err) and err.count("\n") == 1, err


def test_samples_are_truncated_by_options_where_there_are_styles(home: Path, say: Say):
    assert say("sample H/S --truncation 0.7 --cutoff 2 --out s.png")[:2] == (0, "s.png\n")
    code, _, said = say("sample H/GAN --truncation 0.7")
    assert code == 2 and "--truncation" in said and "no" in said


def test_path_lengths_between_styles_of_a_linear_generator_are_exact(home: Path):
    """|A (b - a)|^2 wherever one is on the way, of one label; in features that round to bytes nothing would be left."""
    facts = {"n": 20, "references": 20, "metrics": "ppl-w,ppl-w-end"}
    figures = {one.title: one for one in measure(home / "told", features="identity", **facts)}
    space = StyleSpace(load(home / "told"))
    a, b = space.draw_w(20, 0), space.draw_w(20, 1, labels=0)
    matrix = torch.cat([layer.weight for layer in space.game.generator.each])
    exact = float(((b - a) @ matrix.T).square().sum(1).mean())
    assert {title: one.value for title, one in figures.items()} == {
        "path length w full (identity-64)": pytest.approx(exact, rel=2e-3),
        "path length w end (identity-64)": pytest.approx(exact, rel=2e-3),
    }
    with pytest.raises(Mistake, match="ppl-w cannot be measured: this run makes its samples without styles"):
        measure(home / "GAN", features="identity", **facts)


def test_extractors_can_see_what_is_finer_than_a_byte():
    image = torch.tensor([[[[-1.0, 0.001, 1.2]]]])
    assert to_byte_values(image).tolist() == [[[[0, 128, 255]]]]
    with unrounded():
        torch.testing.assert_close(to_byte_values(image), torch.tensor([[[[0.0, 127.6275, 255.0]]]]))
    assert to_byte_values(image)[0, 0, 0, 1] == 128
