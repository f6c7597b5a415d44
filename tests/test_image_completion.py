"""Completing images by their latents: closed forms of linear generators, what is read and what is not, bad masks."""

from __future__ import annotations

import re

import pytest
import torch
from PIL import Image
from torch import Tensor

from latent_games import bounded, linear
from saddle.errors import Mistake
from saddle.games import Adversarial
from saddle.inference.loaded import LoadedGame
from saddle.latent import Completing, LatentSpace, Search, blend_poisson, complete, parse_mask
from saddle.latent.completion import completion_loss, context_weights
from saddle.latent.search import Starts, search
from saddle.networks import Convolutional, Packed
from saddle.objectives import NonSaturating, Wasserstein
from saddle.shape import Picture, Shape, Text

FEW = Completing(steps=10, restarts=3, candidates=8)


def dcgan(objective=NonSaturating(), networks=Convolutional(latent=6, width=4)) -> LoadedGame:
    torch.manual_seed(0)
    data = Shape(1, 16, 16)
    game = Adversarial(networks.generator(data), networks.critic(data), networks.latent, objective)
    return LoadedGame(game.eval().requires_grad_(False), data, (), torch.device("cpu"))


def pictures(n: int, side: int = 16, seed: int = 3) -> Tensor:
    return 2 * torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(seed)) - 1


def test_a_linear_generator_under_squares_comes_to_the_least_squares_solution():
    loaded = linear()
    space, game = LatentSpace(loaded), loaded.game
    hidden = parse_mask("centre", 12, 12)
    y, known = pictures(1, 12), ~hidden
    how = Search(steps=300, restarts=3, candidates=8, typical=0)
    found = search(
        space, lambda made, told: (known * (made - y)).square().flatten(1).sum(1), Starts.draw(space, 8, 0), how
    )
    rows = known.flatten()
    best = torch.linalg.lstsq(game.generator.a[rows], (y.flatten() - game.generator.b[0])[rows, None]).solution[:, 0]
    torch.testing.assert_close(found.latents, best.expand(3, -1), atol=2e-3, rtol=0)


def test_what_a_linear_generator_made_is_made_again_where_it_is_hidden():
    loaded = linear()
    truth = loaded.sample(2, seed=7)
    how = Completing(steps=200, restarts=3, candidates=32, typical=0, blend="overlay")
    for mask in ("left", "random:0.8+line:0,0,11,11:2"):
        done = complete(loaded, truth, mask, how)
        torch.testing.assert_close(done.images[:, 0], truth, atol=5e-3, rtol=0)
        assert float(done.distances.amax()) < 2e-3
        torch.testing.assert_close(done.latents[:, 0], LatentSpace(loaded).draw(2, 7), atol=2e-2, rtol=0)


@pytest.mark.parametrize("blend", ["poisson", "overlay"])
def test_hidden_pixels_are_never_read_and_known_ones_never_changed(blend):
    loaded, how = dcgan(), Completing(steps=4, restarts=2, candidates=4, blend=blend)
    images, hidden = pictures(2), parse_mask("box:3,3,12,10+random:0.3", 16, 16)
    others = torch.where(hidden, torch.tensor([float("nan"), 7.0]).reshape(2, 1, 1, 1), images)
    ours, theirs = complete(loaded, images, hidden, how), complete(loaded, others, hidden, how)
    for a, b in zip(ours[:4], theirs[:4], strict=True):
        assert torch.equal(a, b)
    assert torch.equal(torch.where(hidden, 0, ours.images[:, 0]), torch.where(hidden, 0, images))


def test_an_image_is_completed_alone_as_among_others_and_again_by_the_seed():
    loaded, images = dcgan(), pictures(3)
    together = complete(loaded, images, "random:0.5", FEW, seed=4)
    alone = [complete(loaded, one[None], "random:0.5", FEW, seed=4) for one in images]
    for some, ones in zip(together[:4], zip(*(a[:4] for a in alone), strict=True), strict=True):
        assert torch.equal(some, torch.cat(ones))
    assert torch.equal(complete(loaded, images.flip(0), "random:0.5", FEW, seed=4).images.flip(0), together.images)
    assert not torch.equal(complete(loaded, images, "random:0.5", FEW, seed=5).images, together.images)


def test_each_image_may_have_a_mask_of_its_own():
    loaded, images = dcgan(), pictures(2)
    masks = torch.cat([parse_mask(name, 16, 16) for name in ("left", "top")])
    both = complete(loaded, images, masks, FEW)
    for i, name in enumerate(("left", "top")):
        assert torch.equal(both.images[i], complete(loaded, images[i : i + 1], name, FEW).images[0])


def test_answers_come_in_the_order_of_their_losses_and_differ():
    most = "box:0,0,12,11+box:0,11,9,12"  # all but three pixels, which do not settle eight numbers
    loaded = linear(latent=8)
    how = Completing(steps=40, restarts=6, candidates=16, answers=3)
    done = complete(loaded, loaded.sample(1), most, how)
    assert done.images.shape == (1, 3, 1, 12, 12) and done.latents.shape == (1, 3, 8)
    hole = done.made[0, :, :, :11]
    assert all(float((hole[i] - hole[j]).square().mean().sqrt()) >= 0.05 for i in range(3) for j in range(i))
    space, hidden = LatentSpace(loaded), parse_mask(most, 12, 12)
    found = done.latents[0]
    losses = completion_loss(space, loaded.sample(1), hidden, how)(space.make(found), None)
    order = losses + how.typical * space.surprise(found)
    assert order.tolist() == sorted(order.tolist()) and len(set(order.tolist())) == 3


def test_weights_are_the_hidden_share_of_the_window():
    hidden = parse_mask("box:4,4,8,8", 12, 12)
    weights = context_weights(hidden, 3)[0, 0]
    assert weights[3, 3] == pytest.approx(1 / 9) and weights[3, 5] == pytest.approx(3 / 9)  # a corner, an edge
    assert weights[5, 5] == 0 and weights[0, 0] == weights[2, 5] == 0
    flat = context_weights(hidden, 3, far=0.1)[0, 0]
    assert flat[0, 0] == pytest.approx(0.1) and flat[3, 5] == pytest.approx(0.1 + 0.9 / 3) and flat[5, 5] == 0
    assert torch.equal(context_weights(hidden, 3, far=1)[0, 0] == 1, ~hidden[0, 0])
    edge = context_weights(parse_mask("left", 4, 4), 3)[0, 0]
    assert edge[0, 2] == pytest.approx(2 / 6)  # of six pixels that the window has at the image's edge


def test_the_loss_is_the_weighted_distance_and_the_generators_own_before_its_critic():
    made, y = pictures(3, seed=5), pictures(1)
    hidden = parse_mask("centre", 16, 16)
    y = torch.where(hidden, 0, y)
    weights = context_weights(hidden, 7, 0.1)
    context = (weights * (made - y).abs()).flatten(1).sum(1)
    for objective, prior in (
        (NonSaturating(), lambda s: torch.nn.functional.softplus(-s)),
        (Wasserstein(), lambda s: -s),
    ):
        loaded = dcgan(objective)
        loss = completion_loss(LatentSpace(loaded), y, hidden, Completing(realness=0.3))
        torch.testing.assert_close(loss(made, None), context + 0.3 * prior(loaded.score(made)))
    packed = dcgan(networks=Packed(Convolutional(latent=6, width=4), 2))
    loss = completion_loss(LatentSpace(packed), y, hidden, Completing(realness=0.3))
    torch.testing.assert_close(loss(made, None), context)  # its critic says nothing of one image


def test_labels_compete_unless_one_is_given():
    loaded = linear(classes=3)
    truth = loaded.sample(4, seed=2, label=["a", "b", "c", "b"])
    how = Completing(steps=300, restarts=6, candidates=64, typical=0, blend="overlay")
    done = complete(loaded, truth, "left", how)
    assert done.labels is not None and done.labels[:, 0].tolist() == [0, 1, 2, 1]
    torch.testing.assert_close(done.images[:, 0], truth, atol=5e-3, rtol=0)
    wrong = complete(loaded, truth[:1], "left", how, label="c")
    assert wrong.labels is not None and wrong.labels.tolist() == [[2]] and wrong.distances[0, 0] > done.distances[0, 0]


def test_uniform_latents_stay_where_they_are_drawn_and_normal_ones_are_free():
    far = torch.full((1, 4), 9.0)
    assert float(LatentSpace(bounded()).confine(far).amax()) == pytest.approx(1, abs=0.01)
    space = LatentSpace(linear(latent=50))
    assert torch.equal(space.confine(far.repeat(1, 13)[:, :50]), far.repeat(1, 13)[:, :50])
    drawn = space.draw(1000, 5)
    assert float(space.surprise(drawn).mean()) == pytest.approx(0.5, abs=0.1)  # half a chi-squared of one degree
    assert float(space.surprise(0 * drawn[:1])) == pytest.approx(50**2 / (2 * 50) / 2, rel=0.2)


def test_the_first_latents_of_a_seed_are_those_of_its_samples():
    loaded = linear(classes=2)
    space = LatentSpace(loaded)
    made = space.make_all(space.draw(70, 3), space.labels(70, 3))
    torch.testing.assert_close(made, loaded.sample(70, seed=3))


def test_blending_continues_what_is_around_a_hole():
    hidden = parse_mask("box:4,2,13,9+line:1,14,14,14:1", 16, 16)
    hole = hidden.expand(3, 1, 16, 16)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
    harmonic = torch.stack([0 * x + 0.3, 0.5 * x - 0.2 * y, (x.square() - y.square()) / 2])[:, None]
    torch.testing.assert_close(blend_poisson(harmonic, 0 * harmonic, hole), harmonic, atol=1e-6, rtol=0)
    made = pictures(3)
    torch.testing.assert_close(blend_poisson(made + harmonic, made, hole), made + harmonic, atol=1e-6, rtol=0)
    torch.testing.assert_close(blend_poisson(made, made + 0.7, hole), made, atol=1e-6, rtol=0)  # a constant is no edge
    nothing = torch.where(hole, float("nan"), made + harmonic)
    assert torch.equal(blend_poisson(nothing, made, hole), blend_poisson(made + harmonic, made, hole))


def test_blending_solves_poissons_equation_at_an_edge_of_the_image_too():
    hidden, image, made = parse_mask("left", 12, 12), pictures(1, 12), pictures(1, 12, seed=9)
    blended = blend_poisson(image, made, hidden)
    apart = (blended - made).double()[0, 0]
    for y, x in ((0, 0), (5, 0), (11, 3), (4, 5)):
        around = [(y + dy, x + dx) for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))
                  if 0 <= y + dy < 12 and 0 <= x + dx < 12]  # fmt: skip
        assert float(apart[y, x]) == pytest.approx(sum(float(apart[p]) for p in around) / len(around), abs=1e-6)
    assert torch.equal(blended[..., 6:], image[..., 6:])


def test_masks_hide_what_their_words_say(tmp_path):
    assert parse_mask("centre", 12, 16)[0, 0].nonzero().aminmax(dim=0)[0].tolist() == [3, 4]
    assert int(parse_mask("centre", 12, 16).sum()) == 6 * 8 and int(parse_mask("center:0.25", 12, 16).sum()) == 3 * 4
    for name, some in {"left": (..., slice(0, 8)), "right": (..., slice(8, 16)), "top": (..., slice(0, 6), slice(None)),
                       "bottom": (..., slice(6, 12), slice(None))}.items():  # fmt: skip
        hidden = parse_mask(name, 12, 16)
        assert hidden[some].all() and int(hidden.sum()) == 96
    assert int(parse_mask("random:0.75", 12, 16, seed=1).sum()) == 144
    assert not torch.equal(parse_mask("random", 12, 16, seed=1), parse_mask("random", 12, 16, seed=2))
    both = parse_mask("box:0,0,3,2 + line:8,6,8,6:2", 12, 16)[0, 0]
    assert both[:2, :3].all() and both[5:7, 7:9].all() and int(both.sum()) == 6 + 4
    white = torch.zeros(12, 16, dtype=torch.uint8)
    white[2:5, 3:9] = 255
    Image.fromarray(white.numpy()).save(tmp_path / "mask.png")
    assert torch.equal(parse_mask(str(tmp_path / "mask.png"), 12, 16)[0, 0], white > 0)


@pytest.mark.parametrize(("mask", "said"), [
    ("box:0,0,16,16", "box:0,0,16,16 hides every pixel, so there is nothing to complete from; --mask centre"),
    ("line:0,0,0,0:0.1", "line:0,0,0,0:0.1 hides no pixel, so there is nothing to complete; --mask centre hides some"),
    ("box:4,4,40,8", "a box lies within the image, .* as box:4,4,12,12 does"),
    ("box:4,4,8", "a box has four edges, left, top, right, bottom, as in box:8,8,24,24"),
    ("box:a,b", "'a,b' are no numbers; write it as box:8,8,24,24"),
    ("line:4,4,8", "a line goes through points X,Y and is so many pixels wide, as line:4,4,28,28:3"),
    ("random:80", "80 is no share of an image, which is above 0 and below 1"),
    ("left:0.3", "left is one half, without a number"),
    ("lft", "there is no mask and no file 'lft'; did you mean left"),
    ("hole.png", "there is no mask and no file 'hole.png'"),
    ("", "there is no mask and no file ''"),
])  # fmt: skip
def test_masks_that_are_none_are_refused(mask, said):
    with pytest.raises(Mistake, match=said):
        complete(dcgan(), pictures(1), mask, FEW)


def test_masks_of_another_kind_are_refused(tmp_path):
    loaded, images = dcgan(), pictures(2)
    (tmp_path / "text.png").write_text("no picture")
    Image.new("L", (20, 16), 255).save(tmp_path / "wide.png")
    wide = (
        f"{tmp_path}/wide.png has 16x20 pixels, but this run's images have 16x16; give a mask of that size, or one in"
    )
    for mask, said in ((str(tmp_path / "text.png"), "is no picture"), (str(tmp_path / "wide.png"), re.escape(wide)),
                       (torch.ones(16, 12, dtype=torch.bool), "here 16x16, True where pixels are hidden, not (16, 12)"),
                       (torch.ones(16, 16), "not .16, 16. of float32"),
                       (torch.ones(3, 1, 16, 16, dtype=torch.bool), "not .3, 1, 16, 16.")):  # fmt: skip
        with pytest.raises(Mistake, match=said.replace("(16, 12)", ".16, 12.")):
            complete(loaded, images, mask, FEW)
    with pytest.raises(Mistake, match=r"images are \(n, 1, 16, 16\) floats in \[-1, 1\]"):
        complete(loaded, pictures(1, 12), "centre", FEW)
    with pytest.raises(Mistake, match=r"known pixels are floats in \[-1, 1\]"):
        complete(loaded, images * 255, "centre", FEW)


def test_options_that_mean_nothing_are_refused():
    for options, said in (({"answers": 5}, "answers is 5, but there are 4 restarts.*--restarts 5 has as many"),
                          ({"window": 4}, "window is 4, but should be odd"), ({"far": 2}, "far is 2"),
                          ({"restarts": 900}, "raise --candidates"), ({"steps": 0}, "steps is 0"),
                          ({"blend": "smooth"}, "it is poisson or overlay")):  # fmt: skip
        with pytest.raises(Mistake, match=said):
            Completing(**options)
    Completing(answers=5, restarts=5)


def test_games_that_make_images_for_texts_or_pictures_are_refused():
    for made_for in (Text(8, 30), Picture(Shape(1, 12, 12))):
        loaded = linear()
        loaded.shape = loaded.shape._replace(condition=made_for)
        with pytest.raises(Mistake, match=r"makes its samples for .* as saddle train dcgan does"):
            complete(loaded, pictures(1, 12), "centre", FEW)
