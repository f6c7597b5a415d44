"""Words from elsewhere are answered by what says the same here, for the recipe at hand; what is said can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

import pytest

from saddle import train
from saddle.cli import main, synonyms
from saddle.cli.advice import Context, written
from saddle.cli.argv import flag_names, options, placed, split_words
from saddle.cli.training import PlaceOptions, parse_train_options
from saddle.errors import Mistake
from saddle.recipes import RECIPES, SPELLED, canonical, find_recipe
from saddle.resolved import find_playable_options, resolve_recipe
from saddle.runs.settings import Settings

NAMES = ("dcgan", "wgan-gp", "r1-toy")
TRANSLATORS = ("pix2pix", "cyclegan", "cut")


@pytest.fixture(scope="module")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("toy") / "run"
    return train("gan", data="ring", images=32, options={"batch": "32"}, pictures=0, quiet=True, out=run)


def context(name: str) -> Context:
    values = (PlaceOptions(), Settings(), find_recipe(name)[0])
    return Context("train", values, lambda words: placed(options(words, *values), *values))


def silent_on(name: str, words: Iterable[synonyms.Synonym]) -> set[str]:
    """What is said of none of these words for a recipe; what is said of the others can be typed."""
    silent = set()
    for known in set(words):
        for text in (None, known.example or None, "nonsense"):
            way = written(known._replace(plays=False), text, context(name)).removeprefix("such as ")
            if way.startswith("-"):
                plain, given = split_words(shlex.split(way), flag_names(PlaceOptions(), Settings()))
                assert not plain
                parse_train_options(name, given)
            else:
                assert way == "" or re.match("(torchrun |saddle resume )", way)
            silent |= {known.meaning} if not way else set()
    return silent


@pytest.mark.parametrize("name", NAMES)
def test_every_word_is_answered_by_what_can_be_typed(name: str):
    """Without the search for what else it takes to be played, which the next test looks at."""
    general = set(synonyms.OPTIONS.values()) - set(synonyms.TRANSLATION.values())
    of_runs = {synonyms.FILM, synonyms.PSI, synonyms.CUTOFF, synonyms.PRINCIPAL, synonyms.WPLUS}
    assert silent_on(name, general) == {"the class", *(one.meaning for one in of_runs)}


def test_every_word_of_translation_is_answered_by_what_can_be_typed_for_some_recipe():
    assert not set.intersection(*(silent_on(name, synonyms.TRANSLATION.values()) for name in TRANSLATORS))


@pytest.mark.parametrize(("name", "option", "text"), [
    ("dcgan", "penalties", "GradientPenalty(10)"), ("gan", "objective", "Hinge()"),
])  # fmt: skip
def test_what_changes_the_game_is_told_with_all_that_it_takes(name: str, option: str, text: str):
    found = find_playable_options(name, {option: text})
    assert found[option] == text and (len(found) > 1) == (name == "dcgan")
    assert find_playable_options(name, found) == found


@pytest.mark.parametrize(("line", "says"), [
    ("train dcgan --lr 1e-3", "--lr; the learning rate is --optimizer.lr 1e-3 (the critic's learning rate: "
                              "--critic-optimizer 'Adam(lr=0.001)')"),
    ("measure run --samples 500", "how many samples is -n 500"),
    ("sample RUN --images 9", "how many samples is -n 9"),
    ("train ttur --d-lr 1e-3", "the critic's learning rate is --critic-optimizer.lr 1e-3"),
    ("train --n_critic 5", "how often the critic moves in a round is --turns.critic 5"),
    ("train --nz 128", "the size of the latents is --networks.latent 128"),
    ("train --steps 10k", "the length, in images, is --images 640000"),
    ("train --kimg 200", "--images 200000"),
    ("train --beta1 0.0", "--optimizer.betas '0.0, 0.999'"),
    ("train --ema-decay 0.999", "the half-life of the average, in images, is --ema 44339"),
    ("train --discriminator-optimizer RMSprop()", "the discriminator is called critic here: --critic-optimizer 'RMSp"),
    ("train --loss nonsense", "the loss is such as --objective 'Hinge()'"),
    ("train --gpus 4", "torchrun --nproc-per-node 4 -m saddle train dcgan"),
    ("train gan --gp 5", "the gradient penalty is --penalties 'GradientPenalty(5)'"),
    ("train --device-id 3", "there is no option --device-id; did you mean --device?"),
    ("sample RUN --num-samples 9", "how many samples is -n 9"),
    ("sample RUN --lr 9", "there is no option --lr; saddle sample --help lists what there is"),
    ("measure x --dataset mnist", "the data is --against mnist"),
    ("eval x --num-samples 5k", "how many samples is -n 5k"),
    ("train --to runs/mine", "there is no option --to; the place for what is made is --out runs/mine"),
    ("interpolate RUN --gif", "a film of the whole way is --film webp"),
    ("project RUN a.png --w-plus", "a style for each layer is --space w+"),
    ("compare a b --out a.html", "the place for what is made is --html a.html"),
    ("sample RUN --to a.png", "the place for what is made is --out a.png"),
    ("train pix2pix --direction BtoA", "which half of images side by side is translated is --source right"),
    ("train pix2pix --lambda_L1 10", "the weight of the mean absolute error is --l1 10"),
    ("train pix2pix --n_layers_D 2", "the pixels of a side that each score sees is --networks.field 34"),
    ("train cyclegan --lambda_identity 0", "is --identity 0"),
    ("train dcgan --pool-size 9", "there is no option --pool-size; did you mean"),
    ("fid", "there is no command fid; FID is a figure: saddle measure RUN --metrics fid"),
    ("generate nowhere", "there is no run nowhere"),
    ("eval", "measure needs RUN|SOURCE"),
])  # fmt: skip
def test_a_word_from_elsewhere_is_one_sentence(line: str, says: str, toy_run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(line.replace("RUN", str(toy_run)).split()) == 2
    complaint = capsys.readouterr().err
    assert says in complaint and complaint.count("\n") == 1


def test_commands_of_other_names_run(capsys: pytest.CaptureFixture[str]):
    for name, command in synonyms.COMMANDS.items():
        assert main([name, "--help"]) == 0 and capsys.readouterr().out.startswith(f"usage: saddle {command}")
    assert main(["info", "DCGAN"]) == 0 and capsys.readouterr().out.startswith("dcgan: Radford")
    assert main(["diff", "WGAN-GP", "wgan_gp"]) == 0 and "are the same" in capsys.readouterr().out


def test_a_recipe_is_found_by_its_name_as_papers_spell_it():
    assert len(SPELLED) == len(RECIPES)
    for name, listed in (("DCGAN", "dcgan"), ("WGAN-GP", "wgan-gp"), ("wgan_gp", "wgan-gp"), ("SNGAN", "sn-gan"),
                         ("wgangp", "wgan-gp"), ("R3GAN", "r3gan"), ("dcgan", "dcgan")):  # fmt: skip
        assert canonical(name) == listed and find_recipe(name) == find_recipe(listed)
        assert resolve_recipe(name, {}, Settings())[0] == listed
    with pytest.raises(Mistake, match="there is no recipe DCGUN; did you mean dcgan"):
        find_recipe("DCGUN")
