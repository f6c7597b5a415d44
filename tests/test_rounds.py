"""What happens between the turns of a round: a round can be abandoned there."""

from __future__ import annotations

import pytest
import torch

from saddle.clock import Clock
from saddle.games import Turns
from toys import Batches, adversarial, engine, images, play


class Enough(Exception):
    """Raised between two turns."""


@pytest.mark.parametrize("parts", [1, 2])
def test_a_round_of_very_many_turns_can_be_abandoned_between_two_turns(parts: int):
    torch.manual_seed(0)
    game, asked = adversarial(turns=Turns(critic=100_000)), []

    def between() -> None:
        asked.append(len(asked))
        if len(asked) > 5:
            raise Enough

    before = [p.clone() for p in game.generator.parameters()]
    driver = engine(game)
    with pytest.raises(Enough):
        driver.play(*(Batches(images, i, parts) for i in range(parts)), clock=Clock(), between=between)
    assert len(asked) == 6 and all(map(torch.equal, before, game.generator.parameters()))
    assert all(p.grad is None for p in game.parameters())
    game.turns = Turns()
    play(driver, [Batches()], 0, 2)  # nothing is left of it in the way
