"""Latents walked through, found again and added to: closed forms, what is typed, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latent_games import LinearEncoded, bounded, linear
from narrow import small
from saddle import load, train
from saddle.errors import Mistake
from saddle.latent import Direction, LatentSpace, Search, between, invert, labels_between, mean_difference, walk
from saddle.metrics import classifier
from test_using_runs import RECIPES_FILE, SETTINGS
from typed import Say


def test_slerp_keeps_norms_and_turns_at_a_constant_speed():
    space = LatentSpace(linear(latent=64))
    a, b = (t / t.norm() * 8 for t in space.draw(2, 0).split(1))
    way = walk(space, torch.cat((a, b)), 9)[0]
    torch.testing.assert_close(way.norm(dim=1), torch.full((9,), 8.0))
    torch.testing.assert_close(way[[0, -1]], torch.cat((a, b)))
    steps = torch.nn.functional.cosine_similarity(way[:-1], way[1:])
    torch.testing.assert_close(steps, steps[:1].expand(8), atol=1e-5, rtol=0)
    straight = between(space, a, b, torch.tensor([0.5]), "lerp")
    torch.testing.assert_close(straight, (a + b) / 2)
    assert float(straight.norm()) == pytest.approx(8 / 2**0.5, rel=0.15)  # shorter by about the root of 2


def test_uniform_latents_go_straight_unless_told_otherwise():
    space = LatentSpace(bounded())
    a, b = space.draw(2, 0).split(1)
    torch.testing.assert_close(between(space, a, b, torch.tensor([0.25])), 0.75 * a + 0.25 * b)
    assert not torch.allclose(between(space, a, b, torch.tensor([0.25]), "slerp"), 0.75 * a + 0.25 * b)
    with pytest.raises(Mistake, match="auto, slerp, lerp"):
        between(space, a, b, torch.tensor([0.5]), "spline")  # type: ignore[arg-type]


def test_between_classes_the_label_changes_halfway():
    a, b = torch.tensor(1), torch.tensor(3)
    assert labels_between(a, b, torch.linspace(0, 1, 5)).tolist() == [1, 1, 3, 3, 3]
    assert labels_between(a, a, torch.linspace(0, 1, 4)).tolist() == [1] * 4


def test_a_samples_own_latent_is_found_again_alone_as_among_others():
    loaded = linear()
    truth, how = loaded.sample(3, seed=9), Search(steps=150, restarts=2, candidates=16, typical=0)
    found = invert(loaded, truth, how)
    torch.testing.assert_close(found.latents, LatentSpace(loaded).draw(3, 9), atol=1e-2, rtol=0)
    assert float(found.distances.amax()) < 2e-3
    alone = invert(loaded, truth[1:2], how)
    assert torch.equal(alone.latents[0], found.latents[1]) and torch.equal(alone.images[0], found.images[1])


def test_an_encoder_is_asked_and_begun_from():
    loaded = linear(kind=LinearEncoded)
    truth = loaded.sample(2, seed=9)
    torch.testing.assert_close(invert(loaded, truth, by="encoder").latents, LatentSpace(loaded).draw(2, 9))
    few = Search(steps=1, restarts=1, candidates=1, typical=0)
    assert float(invert(loaded, truth, few).distances.amax()) < 1e-5  # it is there already
    assert float(invert(loaded, truth, few, by="search").distances.amax()) > 1e-2
    with pytest.raises(Mistake, match="this run cannot encode images"):
        invert(linear(), truth, by="encoder")


def test_arithmetic_is_exact_for_a_linear_generator():
    loaded = linear(latent=6)
    space = LatentSpace(loaded)
    codes = space.draw(300, 0)
    labels = (codes[:, 0] > 0).long() + 2 * (codes[:, 1] > 0).long()  # two attributes, four classes
    names = ("neither", "first", "second", "both")
    first = mean_difference(codes, labels, names, ["first"], ["neither"])
    mean = [codes[labels == i].mean(0) for i in range(4)]
    torch.testing.assert_close(first.vector, mean[1] - mean[0])
    three = mean_difference(codes, labels, names, ["both"], ["second", "first"])  # both - second - first
    torch.testing.assert_close(three.vector, mean[3] - mean[2] - mean[1])
    moved = space.make_all(first.add(codes[:5], 2.0))
    by_hand = space.make_all(codes[:5]) + 2 * (space.make_all(mean[1][None]) - space.make_all(mean[0][None]))
    torch.testing.assert_close(moved, by_hand)
    lifted = first.add(codes[labels == 0])
    assert float((lifted[:, 0] > 0).float().mean()) > 0.7  # what was without the attribute has it


def test_the_orthogonal_part_leaves_the_others_as_they_are():
    dice = torch.Generator().manual_seed(0)
    a, b, c = (Direction(torch.randn(3, 4, generator=dice), name) for name in "abc")
    rest = a.without([b, c])
    for other in (b, c):
        assert float((rest.vector * other.vector).sum()) == pytest.approx(0, abs=1e-5)
    assert rest.name == "a without b without c" and torch.equal(a.without([]).vector, a.vector)
    with pytest.raises(Mistake, match="nothing of the direction a is left without b"):
        a.without([Direction(-2 * a.vector, "b")])


def test_a_direction_is_kept_as_a_file(tmp_path):
    kept = Direction(torch.arange(4.0), "blue-red", "600 samples")
    kept.write(tmp_path / "some" / "blue.safetensors")
    again = Direction.read(tmp_path / "some" / "blue.safetensors")
    assert torch.equal(again.vector, kept.vector) and (again.name, again.of) == ("blue-red", "600 samples")
    (tmp_path / "no.safetensors").write_bytes(b"x" * 20)
    for name, said in (("no.safetensors", "holds no direction"), ("gone.safetensors", "there is no direction")):
        with pytest.raises(Mistake, match=said):
            Direction.read(tmp_path / name)
    with pytest.raises(Mistake, match=r"is of latents \(4,\), not \(3,\)"):
        kept.add(torch.zeros(2, 3))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs with an encoder and without one, of light and dark pictures."""
    folder = tmp_path_factory.mktemp("latents")
    dice = np.random.default_rng(0)
    for place in range(24):
        path = folder / "photos" / ("dark", "light")[place % 2] / f"{place:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dice.integers(128 * (place % 2), 128 + 127 * (place % 2), (8, 8), np.uint8)).save(path)
    for name in ("VariationalAE", "GAN", "AE"):
        train(f"{RECIPES_FILE}:{name}", str(folder / "photos"), out=folder / name, size=8, **SETTINGS)
    train(small("cgan"), str(folder / "photos"), out=folder / "cgan", size=16, **SETTINGS)
    return folder


def test_ways_are_shown_between_samples_and_between_files(home: Path, say: Say, tmp_path: Path):
    assert say("interpolate H/GAN --samples 0,3,5 --frames 4 --film gif --to way.png") == (0, "way.gif\nway.png\n", "")
    with Image.open(tmp_path / "way.gif") as film:
        assert film.n_frames == 7  # where one way ends the next begins
    assert say("interpolate H/GAN --samples 0-1")[1] == f"{home}/GAN/interpolated.png\n"
    few = "--steps 2 --restarts 1 --to files.png"
    assert say(f"interpolate H/GAN H/photos/dark/00.png H/photos/light/01.png {few}")[:2] == (0, "files.png\n")


def test_a_way_ends_at_the_samples_that_it_is_between_though_their_classes_differ(home: Path, say: Say):
    """In the film, for a sheet is drawn larger: its first and last picture are the samples themselves."""
    told = LatentSpace(load(home / "cgan")).labels(8, 0)
    one = next(i for i in range(1, 8) if told[i] != told[0])
    code, out, said = say(f"interpolate H/cgan --samples 0,{one} --frames 4 --film gif --to way.png")
    assert (code, out) == (0, "way.gif\nway.png\n") and "there is no way between classes: halfway" in said
    samples = load(home / "cgan").sample(8)
    with Image.open("way.gif") as film:
        for frame, sample in ((0, samples[0]), (3, samples[one])):
            film.seek(frame)
            shown = np.asarray(film.convert("L").resize(sample.shape[2:0:-1], Image.Resampling.NEAREST), np.int16)
            assert np.abs(shown - ((sample[0] + 1) * 127.5).numpy()).max() < 2
    assert say("interpolate H/cgan --samples 0-3 --label light --to way.png") == (0, "way.png\n", "")


def test_latents_of_a_run_that_is_told_classes_do_not_say_them(home: Path, say: Say, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(classifier, "TRAINING_IMAGES", 480)  # of other tags, which only have to be looked for
    code, _, said = say("edit H/cgan --plus light --minus dark")
    assert code == 2 and f"saddle sample {home}/cgan --label CLASS makes samples of one" in said
    assert say("sample H/cgan --label light --out light.png")[0] == 0
    (home / "tags.csv").write_text(
        "file,tone\n"
        + "".join(
            f"{one}/{i:02d}.png,{('warm', 'cold')[i % 4 > 1]}\n"
            for i in range(24)
            for one in [("dark", "light")[i % 2]]
        )
    )
    other = "edit H/cgan --plus warm --minus cold --labels H/tags.csv:tone --codes 40 --to e.png"
    assert "there is no class" not in say(other)[2]


def test_files_are_found_by_an_encoder_alone_or_by_search_alone(home: Path, say: Say):
    pair = "H/photos/dark/00.png H/photos/light/01.png --frames 3"
    assert say(f"interpolate H/VariationalAE {pair} --by encoder --to a.png") == (0, "a.png\n", "")
    assert say(f"interpolate H/VariationalAE {pair} --by search --steps 1 --restarts 1 --to b.png")[0] == 0
    assert Path("a.png").read_bytes() != Path("b.png").read_bytes()
    code, _, said = say(f"interpolate H/GAN {pair} --by encoder")
    assert code == 2 and "cannot encode images" in said


def test_an_edit_keeps_its_direction_which_another_edit_takes(home: Path, say: Say):
    code, out, _ = say("edit H/VariationalAE --plus light --minus dark --codes 24 --samples 0-2 --to e.png")
    kept = home / "VariationalAE" / "directions" / "light-dark.safetensors"
    assert code == 0 and out == f"{kept}: 24 encoded images of {home}/photos\ne.png\n"
    direction, loaded = Direction.read(kept), load(home / "VariationalAE")
    space = LatentSpace(loaded)
    z = space.draw(4, 0)
    assert direction.vector.shape == z.shape[1:]
    assert say("edit H/VariationalAE --attribute H/VariationalAE/directions/light-dark.safetensors "
               "--strength=0,2 --to f.png")[0] == 0  # fmt: skip
    assert say("edit H/VariationalAE H/photos/dark/00.png --steps 2 --restarts 1 --to g.png "
               "--attribute H/VariationalAE/directions/light-dark.safetensors")[0] == 0  # fmt: skip


@pytest.mark.parametrize(("typed", "said"), [
    ("interpolate H/AE", "this run cannot generate samples; .* can generate"),
    ("interpolate H/GAN --samples 4", "a way leads from one image to another; name two, as --samples 0,1, or"),
    ("interpolate H/GAN --samples a-b", "should be places on a sheet, from 0, as 0-3 or 5,9,2"),
    ("interpolate H/GAN --frames 1", "frames is 1, but should be 2 to 100"),
    ("interpolate H/GAN --to way.gif", "way.gif does not end in .png; name a sheet, as --to interpolated.png"),
    ("interpolate H/GAN nowhere/a.png nowhere/b.png", "there is no file or folder nowhere/a.png"),
    ("edit H/GAN", "--plus CLASS and --minus CLASS, or a direction that was made before, --attribute FILE"),
    ("edit H/GAN --plus blue", "there is no class blue; there are dark, light"),
    ("edit H/GAN --plus ligth", "there is no class ligth; did you mean light\\?"),
    ("edit H/GAN --plus light --minus light", "there should be both more and less of light; name it on one side"),
    ("edit H/GAN --plus light --out e.png", "the place for what is made is --to e.png"),
    ("edit H/GAN --attribute gone.safetensors", "there is no direction gone.safetensors; saddle edit RUN --plus CLASS"),
    ("edit H/GAN --plus light --strength much", "should be numbers, as --strength=-1,0,1"),
    ("edit H/none --plus light", "there is no run"),
])  # fmt: skip
def test_what_cannot_be_done_is_refused_in_one_sentence(say: Say, typed: str, said: str):
    code, out, err = say(typed)
    assert (code, out) == (2, "") and re.search(said, err) and err.count("\n") == 1, err
