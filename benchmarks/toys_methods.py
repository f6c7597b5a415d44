"""The methods of benchmarks/toys.py: recipes with options as on the command line, where each can be repeated."""

from __future__ import annotations

from typing import Any

from saddle.options import override_fields
from saddle.recipes import find_recipe
from saddle.recipes.kinds import VALUE_TYPES

STEPS = "Adam(Cosine(5e-3, 2.5e-4), (0.0, 0.99))"
COMMON = {  # that of the presets below: one move each, also where a paper has five of the critic
    "networks": "Perceptron(width=128, bias=0.6)",
    "prior": "Uniform(1.732)",
    "optimizer": STEPS,
    "batch": "256",
    "turns": "Turns()",
}

# What each differs in from COMMON, where images need other values than points of about one unit. Ours, not tuned.
METHODS: dict[str, dict[str, str]] = {
    "gan": {"critic_optimizer": STEPS},
    "gan-minimax": {"critic_optimizer": STEPS},
    "lsgan": {},
    "lsgan-pearson": {},
    "fgan": {},
    "fgan-kl": {},
    "fgan-reverse-kl": {},
    "fgan-pearson": {},
    "fgan-hellinger": {},
    "rsgan": {},
    "ragan": {},
    "ralsgan": {},
    "wgan": {"constraint": "Clip(0.1)"},
    "wgan-gp": {"penalties": "GradientPenalty(0.1)"},
    "wgan-div": {},
    "ct-gan": {"networks": "Dropped(Perceptron(width=128, bias=0.6), (0.1,))",
               "penalties": "(GradientPenalty(0.1), Consistency(0.1))"},
    "gan-qp": {},
    "dragan": {"penalties": "Dragan(weight=0.1, spread=0.1)"},
    "roth": {"penalties": "Roth(Geometric(0.1, 1e-4))"},
    "sn-gan": {"networks": "Spectral(Perceptron(width=128, bias=0.6))"},
    "t-gan": {"networks": "Spectral(Opposed(Perceptron(width=128, bias=0.6), hidden=128))"},
    "ebgan": {"networks": "DenseAutoencoding(latent=2, width=128, code=2)", "objective": "Energy(margin=1.0)"},
    "pacgan": {"networks": "Packed(Perceptron(width=128, bias=0.6), size=2)"},
    "minibatch-gan": {"networks": "MinibatchDiscriminating(Perceptron(width=128, bias=0.6), kernels=4, size=4)"},
    "feature-matching": {},
    "unrolled-gan": {"inner": "SGD(0.1)", "objective": "NonSaturating()"},  # of their own loss the slope fades here
    "consensus": {},
    "nagarajan-kolter": {},
    "ttur": {"critic_optimizer": "Adam(Cosine(1e-2, 5e-4), (0.0, 0.99))"},
    "instance-noise": {},
    "label-noise": {},
    "weak-critic": {"networks": "Pair(Perceptron(width=128, bias=0.6), "
                                "Dropped(Perceptron(width=32, bias=0.6), (0.5,)))"},
    "accuracy-gate": {},
    "equilibrium-gate": {},
}  # fmt: skip
TUNED = ("r1-toy", "r3gan-toy")  # presets of ours, as they are


def recipe(name: str) -> Any:
    """A method's recipe: the one that `saddle train` finds by this name, with its options."""
    return override_fields(find_recipe(name)[0], {} if name in TUNED else COMMON | METHODS[name], VALUE_TYPES)
