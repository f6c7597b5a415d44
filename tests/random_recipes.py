"""Recipes at random, as they are typed: any slot may hold anything that can be written there, sense or none."""

from __future__ import annotations

import random

from saddle.networks import COMPOSED_NETWORKS, CONDITIONAL_NETWORKS, UNCONDITIONAL_NETWORKS, Pair
from saddle.objectives import OBJECTIVES
from saddle.penalties import PENALTIES, Bottleneck, Classification, FeatureMatching, PullingAway, Swapped
from saddle.recipes import RECIPES, find_recipe
from saddle.recipes.versus import Versus

VERSUS = [name for name in RECIPES if isinstance(find_recipe(name)[0], Versus)]
OWN = {  # fields of some recipes alone
    "gate": ["none", "AccuracyGate()", "AccuracyGate(0.9, 0.2, 0.5)", "EquilibriumGate()"], "K": ["0", "1", "2"],
    "inner": ["SGD(0.01)", "SGD(0.01, momentum=0.5)", "Adam(1e-3)"], "eta": ["0.1"], "gamma": ["1"], "rate": ["0.1"],
    "noise": ["Noise(0.1)", "Noise(0.2, uniform)"],
}  # fmt: skip
VIEWS = ["Noise(0.1)", "Noise(Linear(0.3, 0))", "Augment(0.3)", "Augment(0.5, b)", "ADA()", "ADA(boundary=0.5)",
         "ADA(every=1, pipe=bg)", "DiffAugment()", "DiffAugment(color)"]  # fmt: skip
OPTIMIZERS = ["Adam(1e-3)", "RMSprop(1e-3)", "SGD(0.01, 0.5)", "Orthogonal(Adam(1e-3))", "Adam(Linear(1e-3, 0))",
              "Adam(Warmup(1e-3, 16), (0.0, 0.9))", "SGD(Exponential(0.01, 1.1))"]  # fmt: skip
TURNS = ["Turns()", "Turns(2)", "Turns(1, 2)", "Turns(Burst(3, 1, first=1))", "Turns(2, 2)"]
RESNETS = [
    "ResNet()",
    "ResNet(width_generator=256, spectral=critic, head=sum)",
    "ResNet(attention=16, spectral=both)",
    "ResNet(conditional=True, spectral=critic, head=projection)",
    "ResNet(conditional=True, head=classes)",
]
WITH = {"Flipped", "Relativistic", "CriticAlone"}


def recipe(seed: int) -> tuple[str, dict[str, str], dict[str, object]]:
    """A recipe's name, its options, and settings: data (points, plain or labelled), size, accumulate."""
    dice = random.Random(seed)
    name = dice.choice(VERSUS)
    value, entry = find_recipe(name)
    likely = {"networks": 0.3, "objective": 0.25, "penalties": 0.25, "generator_penalties": 0.12, "views": 0.2,
              "prior": 0.1, "turns": 0.2, "constraint": 0.15, "optimizer": 0.25, "critic_optimizer": 0.15,
              **dict.fromkeys(OWN, 0.5)}  # fmt: skip
    slots = {"networks": pair, "objective": objective, "views": views, "penalties": terms,
             "generator_penalties": generator_terms}  # fmt: skip
    lists = {"prior": ["Normal()", "Uniform()", "Uniform(2.0)"], "turns": TURNS, "optimizer": OPTIMIZERS,
             "constraint": ["Clip(0.05)", "Free()"], "critic_optimizer": ["none", *OPTIMIZERS], **OWN}  # fmt: skip
    options = {}
    for slot, chance in likely.items():
        if hasattr(value, slot) and dice.random() < chance:
            options[slot] = slots[slot](dice) if slot in slots else dice.choice(lists[slot])
    if name == "wgan":
        options.setdefault("turns", "Turns(2)")  # not a hundred
    options["batch"] = str(dice.choice((8, 8, 8, 8, 8, 4, 6, 3, 1)))
    points = dice.random() < (0.9 if entry.data in ("grid", "ring") else 0.15)
    side = entry.size if entry.size and dice.random() < 0.8 else dice.choice((16, 16, 16, 16, 28, 32))
    settings = {"data": "points" if points else dice.choice(("plain", "labelled", "labelled"))}
    settings |= {"accumulate": dice.choice((1, 1, 1, 1, 1, 2, 2, 4)), "size": None if points else side}
    return name, options, settings


def pair(dice: random.Random) -> str:
    """Networks: one, in up to two others."""
    text = dice.choice(UNCONDITIONAL_NETWORKS * 2 + CONDITIONAL_NETWORKS).__name__ + "()"
    if text == "ResNet()":
        text = dice.choice(RESNETS)
    if text == "Convolutional()" and dice.random() < 0.5:
        text = "Convolutional(normal=False)"
    for _ in range(dice.choice((0, 0, 0, 1, 1, 2))):
        kind = dice.choice(COMPOSED_NETWORKS)
        other = dice.choice(UNCONDITIONAL_NETWORKS).__name__ + "()"
        parts = {Pair: dice.choice((f"{text}, {other}", f"{other}, {text}"))}.get(kind, text)
        text = f"{kind.__name__}({parts})"
    return text


def objective(dice: random.Random) -> str:
    kind = dice.choice(OBJECTIVES).__name__
    base = dice.choice(OBJECTIVES).__name__ + "()" if kind in WITH and dice.random() < 0.7 else ""
    return "FDivergence(kl, alternative=True)" if kind == "FDivergence" and dice.random() < 0.5 else f"{kind}({base})"


def terms(dice: random.Random) -> str:
    """Up to two penalties, mostly the critic's."""
    return several(dice, [kind for kind in PENALTIES if kind not in (FeatureMatching, PullingAway)])


def generator_terms(dice: random.Random) -> str:
    return several(dice, [FeatureMatching, PullingAway, Classification] * 3 + list(PENALTIES))


def several(dice: random.Random, kinds: list[type]) -> str:
    texts = []
    for kind in dice.sample(kinds, dice.choice((0, 1, 1, 1, 2))):
        lazy = dice.random() < 0.2 and kind is not Bottleneck
        first = objective(dice) if kind is Swapped else ""
        texts.append(f"{kind.__name__}({', '.join(filter(None, (first, 'every=2' if lazy else '')))})")
    return ", ".join(texts) or "none"


def views(dice: random.Random) -> str:
    return ", ".join(dice.sample(VIEWS, dice.choice((0, 1, 1, 2)))) or "none"
