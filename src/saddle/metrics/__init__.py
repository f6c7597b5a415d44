"""Numbers that say how good samples are: modes caught, characters that can be read."""
