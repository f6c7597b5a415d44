"""Who moves when."""

from .adversarial import Adversarial, Clip, Free, Simultaneous, Turns

SLOTS: tuple[type, ...] = (Turns, Clip, Free)

__all__ = ["SLOTS", "Adversarial", "Clip", "Free", "Simultaneous", "Turns"]
