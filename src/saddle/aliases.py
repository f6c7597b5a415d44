"""Classes of 0.1.0 that are called otherwise now, for what was written with them: manifests, options, sweep plans."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import require
from .shape import Shape, by_class


class Alias(NamedTuple):
    """What an old class is now: its name, its old fields in their old order, and what the new fields then say."""

    name: str
    fields: tuple[str, ...]
    values: Mapping[str, Any]


def residual(*fields: str, **values: Any) -> Alias:
    """One of the five classes that became ResNet; each field is said, so that it reads as what is written now."""
    plain = {"latent": 128, "width": 128, "width_generator": None, "widest": 0, "attention": 0, "conditional": False,
             "spectral": "none", "head": "mean"}  # fmt: skip
    return Alias("ResNet", ("latent", "width", *fields), plain | values)


ALIASES = {
    "Residual32": residual(),
    "SpectralResidual32": residual("width_generator", width_generator=256, spectral="critic", head="sum"),
    "AttentiveResidual32": residual("width_generator", width_generator=256, attention=16, spectral="both", head="sum"),
    "ProjectedResidual32": residual(
        "width_generator", width_generator=256, conditional=True, spectral="critic", head="projection"
    ),
    "ClassifyingResidual32": residual(conditional=True, head="classes"),
}


def rename_call(node: ast.expr) -> ast.expr:
    """A call of an old class, or its bare name, as a call of what it is now; anything else as it is."""
    args: list[ast.expr] = []
    given: list[ast.keyword] = []
    match node:
        case ast.Name(old):
            pass
        case ast.Call(ast.Name(old), args, given):
            pass
        case _:
            return node
    if old not in ALIASES:
        return node
    name, fields, values = ALIASES[old]
    require(len(args) <= len(fields), f"{old} takes {len(fields)} values, not {len(args)}")
    words = [*(ast.keyword(field, arg) for field, arg in zip(fields, args, strict=False)), *given]
    said = {word.arg for word in words}
    usual = {field: ast.keyword(field, ast.Constant(value)) for field, value in values.items() if field not in said}
    order = sorted([*words, *usual.values()], key=lambda word: [*values, word.arg].index(word.arg))
    return ast.Call(ast.Name(name, ast.Load()), [], order)


class RenameCalls(ast.NodeTransformer):
    """All calls of old classes in what was written, as calls of what they are now."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        return rename_call(node)


def make_old_shape(channels: int, height: int, width: int, classes: int = 0) -> Shape:
    """A shape as 0.1.0 wrote it, with a number of classes in place of what samples are made for."""
    return Shape(channels, height, width, by_class(classes))
