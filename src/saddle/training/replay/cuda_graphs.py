"""The one place that captures CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

import torch

T = TypeVar("T")


class CudaGraphs:
    """What captures rounds on one GPU: all in one pool of memory, for no two are replayed at once.

    What a graph makes is copied away before another is replayed, so their memory may overlap.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.pool = torch.cuda.graph_pool_handle()

    def warm(self, play: Callable[[], T]) -> T:
        """On the stream that is captured later, where libraries have their work space then."""
        main = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(main)
        with torch.cuda.stream(self.stream):
            made = play()
        main.wait_stream(self.stream)
        return made

    def capture(self, play: Callable[[], T], dice: Sequence[torch.Generator]) -> tuple[T, Callable[[], object]]:
        graph = torch.cuda.CUDAGraph()
        if not dice_register_themselves(self.device):
            for own in dice:
                graph.register_generator_state(own)
        # other threads may read data meanwhile: what they ask of the device is no part of the graph
        with torch.cuda.graph(graph, self.pool, self.stream, capture_error_mode="thread_local"):
            made = play()
        return made, graph.replay


@cache
def dice_register_themselves(device: torch.device) -> bool:
    """Does a graph know of any generator that is drawn from in it? Torch up to 2.13 has to be told; later ones warn."""
    graph, dice = torch.cuda.CUDAGraph(), torch.Generator(device)
    try:
        with torch.cuda.graph(graph):
            torch.rand(1, generator=dice, device=device)
    except RuntimeError:
        return False
    return True
