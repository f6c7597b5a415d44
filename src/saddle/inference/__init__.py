"""What a trained run is good for: load it, sample from it."""
