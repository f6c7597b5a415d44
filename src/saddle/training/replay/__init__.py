"""Rounds that are captured once and replayed, as one CUDA graph each: the clock, rates, graphs and rounds."""
