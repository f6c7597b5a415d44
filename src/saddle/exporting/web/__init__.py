"""`saddle export RUN --to web`: a trained run as a page that makes its pictures itself, on anybody's machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...capabilities import Generates, Translates
from ...errors import Mistake, require
from ...inference.loaded import LoadedGame
from ...inference.networks import find_part
from ...notices import Notify, notify_nobody
from ..facts import Exported
from ..onnx_file import import_onnx
from .controls import describe_generator
from .folder import check_web_place, write_page
from .network import PageNetwork, describe_network, open_network
from .pictures import check_shape, describe_source, find_ways, source_pictures
from .runtime import find_runtime


def export_web(loaded: LoadedGame, path: str | Path, *, part: str = "generator", style: Mapping[str, Any] = {},
               about: Mapping[str, Any] = {}, run: str | Path | None = None, runtime: Path | None = None,
               webgpu: bool = False, say: Notify = notify_nobody) -> Exported:  # fmt: skip
    """Write a page of a loaded game into a folder, or into one file that ends in .html.

    The page makes samples by sliders, a seed, classes or captions, or pictures out of drawn and given ones. `runtime`
    is a folder that holds onnxruntime-web, which else comes from the cache or is fetched by npm; with `webgpu` the page
    may use the graphics card, where it makes the same pictures. `run` is the run's folder, for the colours of its data.
    Mistake for what a page cannot show; Failure where ONNX makes something else than Python.
    """
    target = Path(path)
    check_web_place(target)
    import_onnx()
    check_shape(loaded.shape)
    place = find_runtime(runtime, say)
    facts, networks = describe_page(loaded, part, style, run, say)
    described = [describe_network(network) for network in networks]
    parity = max((found for _, found in described), key=lambda found: found.difference)
    packed = [own | network for (own, _), network in zip(described, facts.pop("sources"), strict=True)]
    shape = loaded.shape
    told = {**facts, "channels": shape.channels, "height": shape.height, "width": shape.width, "networks": packed}
    page = write_page(target, *describe_run(loaded, about), told, place, webgpu)
    return Exported(page, parity, {**about, "kind": facts["kind"]})


def describe_page(loaded: LoadedGame, part: str, style: Mapping[str, Any], run: str | Path | None,
                  say: Notify) -> tuple[dict[str, Any], list[PageNetwork]]:  # fmt: skip
    """What the page can do, with what each network begins with as `sources`, and the networks."""
    game = loaded.game
    protocol = find_part(game, part).protocol
    if protocol is Generates and (loaded.makes_by_chance or not isinstance(game, Translates)):
        if not loaded.makes_by_chance:
            raise Mistake(f"{type(game).__name__} makes its samples for {loaded.shape.condition}, of which a page has "
                          "none; give a run that makes them out of chance, for a class or for captions")  # fmt: skip
        network = open_network(loaded, part, style)
        return {"kind": "generate", "sources": [{}], **describe_generator(loaded, network)}, [network]
    pictures = part in ("generator", "translator", "autoencoder") and (part == "autoencoder" or protocol is not None)
    require(pictures and part != "decoder", f"a page has no use for the {part}; leave out --part")
    ways = find_ways(loaded, part, style)
    sources = []
    for way, seen in zip(ways, source_pictures(loaded, run, say), strict=False):
        channels, height, width = way.interface.inputs[0].row
        shape = loaded.shape.sample._replace(channels=channels, height=height, width=width)
        check_shape(shape)
        sources.append({"source": describe_source(shape, seen)})
    return {"kind": "translate", "sources": sources}, ways


def describe_run(loaded: LoadedGame, about: Mapping[str, Any]) -> tuple[str, str]:
    """A title and a line about a run."""
    title = " on ".join(str(about[name]) for name in ("recipe", "data") if name in about)
    size = f"{loaded.shape.width} x {loaded.shape.height} pixels"
    shown = f" that was shown images {loaded.clock.images:,} times in training" if loaded.clock.images else ""
    return title or type(loaded.game).__name__, f"{size}, made in your browser by a network{shown}."
