"""Measure a run, a match that is being played, or any images, against others; nothing that is measured changes."""
