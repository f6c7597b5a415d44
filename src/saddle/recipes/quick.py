"""What differs in a named recipe on the data that it trains on by itself, where two minutes of a laptop have to do.

The recipe itself stays the paper's, which is what any other data gets.
"""

from __future__ import annotations

from collections.abc import Mapping

Fields = Mapping[str, str]  # options with their texts

SMALL_VGAN = {
    "networks": "Bottlenecked(Convolutional(normal=False))", "optimizer": "Adam(4e-4, (0.5, 0.999))", "batch": "32",
    "average": "HalfLife()",
}  # fmt: skip
SMALL_ALI = {
    "networks.latent": "16", "critic_optimizer": "Adam(1e-3, (0.5, 0.999))", "optimizer.lr": "3e-4", "batch": "32",
}  # fmt: skip
SMALL_PATCHES = {"networks.width": "16", "networks.field": "34", "batch": "8"}
SMALL_CUT = {"networks": "ResidualTranslator(width=16, field=34, blocks=3, xavier=True)", "batch": "8"}
SMALL_TEXT = {"networks.width": "48", "networks.width_critic": "32", "batch": "32", "optimizer.lr": "4e-4"}
SMALL_VAE = {"networks": "ConvolutionalAutoencoder(latent=32, width=16)", "reconstruction": "0.5", "warm_up": "5000",
             "optimizer.lr": "1e-3"}  # fmt: skip
SMALL_STYLES = {
    "networks": "Modulated(latent=64, style=64, mapping=2, width=32, full=16)", "batch": "16", "mixing": "0",
    "path_length": "none",
}  # fmt: skip
SMALL_STEPS = {"augment": "none", "average": "HalfLife()", "batch": "16"}

QUICK: dict[str, Fields] = {
    "dcgan": {"batch": "32", "turns.generator": "2", "optimizer.lr": "4e-4"},
    "r3gan": {"networks.width": "64", "networks.full": "1", "networks.narrowest": "16"},
    "ebgan-conv": {"networks.width": "32", "batch": "32", "optimizer.lr": "4e-4"},
    "began": {
        "networks.width": "16", "gamma": "1", "rate": "1", "optimizer": "Adam(2e-3, (0.5, 0.999))",
        "critic_optimizer": "Adam(3e-4, (0.5, 0.999))",
    },
    "vgan": SMALL_VGAN,
    "vgan-r1": {**SMALL_VGAN, "penalties": "Bottleneck(), R1(1)"},
    "pggan": {
        "networks.width": "32", "networks.latent": "32", "batch": "16", "whole_batch": "32", "last": "900",
        "optimizer.lr": "2e-3", "average": "HalfLife()",
    },
    "stylegan": {
        "networks": "Styled(latent=32, style=32, depth=4, width=32)", "batch": "16", "whole_batch": "32", "last": "900",
        "penalties": "R1(1)", "optimizer.lr": "2e-3", "average": "HalfLife()",
    },
    "stylegan2": {**SMALL_STYLES, "penalties": "R1(5, every=16)"},
    "stylegan2-ada": {**SMALL_STYLES, "gamma": "5"},
    "gat": {
        "networks": "PatchTransformer(width=128, depth=4, patch=8)", "penalties": "R1(10, 4), R2(10, 4)", **SMALL_STEPS,
    },
    "gat-latent": {
        "networks": "PatchTransformer(width=128, depth=4, patch=2)", "penalties": "R1(1, 4), R2(1, 4)", **SMALL_STEPS,
    },
    "adversarial-flow": {
        "networks": "FlowTransformer(width=128, depth=4, patch=8)", "optimizer.lr": "1e-3", "average": "HalfLife()",
        "penalties": "R1(5, 4), R2(5, 4), Centring(0.01)", "batch": "16",
    },
    "bigan": {**SMALL_ALI, "prior": "Normal()"},
    "bigan-qp": {
        "networks.latent": "32", "optimizer.lr": "4e-4", "batch": "32", "code_error": "20", "image_error": "30",
    },
    "ali": SMALL_ALI,
    "introvae": {**SMALL_VAE, "margin": "50"},
    "introvae-1024": {**SMALL_VAE, "margin": "50"},
    "soft-introvae": {**SMALL_VAE, "negative": "96", "batch": "16"},
    "soft-introvae-toy": {
        "networks.widths": "128, 128, 128", "warm_up": "25_000", "optimizer.lr": "1e-3", "batch": "128",
    },
    "vae-gan": {
        "networks": "ConvolutionalVAEGAN(latent=32, width=8, hidden=128)", "std": "0.3", "gamma": "1e-2", "batch": "32",
        "objective": "NonSaturating()",
    },
    "infogan": {"networks.base.width": "32", "batch": "32"},
    "biggan": {
        "networks": "BigResNet(latent=16, width=8, shared=32, attention=0)", "batch": "16", "average": "HalfLife()",
        "optimizer.lr": "4e-4", "critic_optimizer.lr": "8e-4",
    },
    "pix2pix": SMALL_PATCHES,
    "cyclegan": {**SMALL_PATCHES, "networks.blocks": "3"},
    "cut": SMALL_CUT,
    "fastcut": {**SMALL_CUT, "contrast": "1"},  # ten outweigh the critic, and it copies its input
    "gan-cls": SMALL_TEXT,
    "gan-int": SMALL_TEXT,
    "gan-int-cls": SMALL_TEXT,
    "seqgan": {
        "networks.width_critic": "32", "rollouts": "4", "turns.critic": "2", "baseline": "True",
        "policy_optimizer": "Clipped(Adam(1e-3, (0.9, 0.999)))", "critic_optimizer.lr": "1e-3",
    },
    "gumbel-gan": {"networks.width_critic": "32"},
}  # fmt: skip
