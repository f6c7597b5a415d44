"""What a page runs: a part of a game as ONNX, compared with Python, with a sample by which the page checks itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...capabilities import MakesStyles
from ...inference.loaded import LoadedGame
from ...parts import Supply, supply_draws
from ..interface import CONDITIONS, ExportedPart, Input, Interface, make_interface
from ..onnx_file import check_model, open_session, run_session, serialized, to_onnx
from ..parity import Parity, check_parity
from ..programs import trace
from .packing import pack, pack_floats

SHIFT = "shift"  # the input that styles are moved by


class ShiftedPart(ExportedPart):
    """A generator with styles that are moved, (n, w_dim) in all layers, after they are truncated."""

    def answer(self, inputs: tuple[Tensor, ...], supply: Supply) -> Tensor:
        given: dict[str, Tensor] = dict(zip(self.names, inputs, strict=True))
        game: Any = self.network.game
        condition = next((given[name] for name in CONDITIONS if name in given), None)
        style = {key: value for key, value in self.style.items() if key in ("truncation", "cutoff")}
        with supply_draws(supply):
            ws = self.styles(inputs[0], condition, given.get("truncation"), style)
            made: Tensor = game.synthesize(ws + given[SHIFT][:, None], self.style.get("noise", True))
        return made.float()

    def styles(self, x: Tensor, condition: Tensor | None, psi: Tensor | None, style: Mapping[str, Any]) -> Tensor:
        game: Any = self.network.game
        if psi is None:
            fixed: Tensor = game.styles(x, condition, **style)
            return fixed
        mean, own = (game.styles(x, condition, **{**style, "truncation": share}) for share in (0.0, 1.0))
        truncated: Tensor = mean + psi[:, None, None] * (own - mean)
        return truncated


@dataclass(frozen=True, eq=False)
class PageNetwork:
    """A part of a game, and what its way is called where a page has several."""

    interface: Interface
    name: str = ""

    @property
    def names(self) -> list[str]:
        return self.interface.names


def open_network(loaded: LoadedGame, part: str, style: Mapping[str, Any], name: str = "") -> PageNetwork:
    """A part with all that its answer hangs on as inputs; of one that makes styles, a shift of these too."""
    made = make_interface(loaded, part, style)
    if part != "generator" or not isinstance(loaded.game, MakesStyles) or "latent" not in made.names:
        return PageNetwork(made, name)
    with torch.no_grad():
        condition = next((one.draw(1, 0) for one in made.inputs if one.name in CONDITIONS), None)
        game: Any = made.module.network.game
        size = game.styles(made.inputs[0].draw(1, 0), condition).shape[-1]
    shift = Input(SHIFT, (size,), torch.float32, {}, lambda n, seed: torch.linspace(0, 0.1, n)[:, None].expand(n, size))
    inputs = (*made.inputs, shift)
    module = ShiftedPart(made.module.network, [one.name for one in inputs], made.module.style, False).eval()
    return PageNetwork(Interface(made.part, module, inputs, made.output, made.style), name)


def describe_network(network: PageNetwork) -> tuple[dict[str, Any], Parity]:
    """The network and its inputs as the page is told them; Failure where ONNX makes something else than Python."""
    interface = network.interface
    model = to_onnx(trace(interface), interface).model_proto
    check_model(model)
    content = serialized(model)
    session = open_session(content)
    parity = check_parity(interface, lambda inputs: run_session(session, interface, inputs))
    given = interface.example(1, 0)
    with torch.no_grad():
        made = interface.module(*given)[0]
    levels = ((made.clamp(-1, 1) + 1) * 127.5).round().byte()
    inputs = {one.name: {"type": str(one.dtype).removeprefix("torch."), "shape": list(one.row)}
              for one in interface.inputs}  # fmt: skip
    check = {name: pack_floats(value) if value.is_floating_point() else value.flatten().tolist()
             for name, value in zip(interface.names, given, strict=True)}  # fmt: skip
    packed = base64.b64encode(levels.numpy().tobytes()).decode()
    return {"name": network.name, "inputs": inputs, "network": pack(content),
            "check": {"inputs": check, "levels": packed}}, parity  # fmt: skip
