"""Sliders along the directions of a run's latents, for samples and for uploaded pictures alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import gradio as gr

from ..errors import require
from ..latent.directions import Direction
from .models import BY, Model, layer_groups

COUNT, FAR = 6, 3.0  # sliders; standard deviations of latents
SEFA, PCA = ("by the weights (SeFa)", "sefa"), ("in which styles vary (PCA)", "pca")


class Sliders(NamedTuple):
    """The controls, in the order in which a handler is given their values: by, layers, and each slider."""

    by: Any
    layers: Any
    strengths: list[Any]
    again: Any  # the event after which all stand in the middle

    @property
    def inputs(self) -> list[Any]:
        return [self.by, self.layers, *self.strengths]


def make_sliders() -> Sliders:
    """The controls, where they are to stand."""
    with gr.Row():
        by = gr.Dropdown([SEFA], value="sefa", label="Directions", interactive=True, min_width=180)
        layers = gr.Dropdown(["all"], value="all", label="Layers", interactive=True, visible=False, min_width=110)
    with gr.Row(elem_classes="sliders"):
        strengths = [gr.Slider(-FAR, FAR, value=0, step=0.05, label=f"direction {i + 1}", min_width=150,
                               buttons=[]) for i in range(COUNT)]  # fmt: skip
    reset = gr.Button("Back to the middle", size="sm")
    # by the page itself: whatever directions are looked for, and when asked
    again = gr.on([by.input, layers.input, reset.click], None, None, strengths,
                  js=f"() => Array({COUNT}).fill(0)", show_progress="hidden")  # fmt: skip
    return Sliders(by, layers, strengths, again)


def fit_sliders(model: Model) -> list[Any]:
    """What the controls of a run are, for `Sliders.inputs`: PCA and layers are for styles alone."""
    ways = [SEFA, PCA] if model.styled else [SEFA]
    groups = gr.update(choices=layer_groups(model), value="all", visible=model.styled)
    return [gr.update(choices=ways, value="sefa"), groups, *[gr.update(value=0.0)] * COUNT]


def directions_of(model: Model, by: object, layers: object) -> list[Direction]:
    require(by in ("sefa", "pca"), f"directions are found by sefa or pca, not by {by!r}")
    require(
        layers in layer_groups(model), f"layers is {layers!r}, but should be one of {', '.join(layer_groups(model))}"
    )
    return model.directions(cast(BY, by), COUNT, str(layers))


def strengths_of(values: Sequence[object]) -> list[float]:
    fine = all(isinstance(value, int | float) for value in values)
    require(fine, "each slider is a number")
    return [float(cast(float, value)) for value in values]
