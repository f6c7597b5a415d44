"""Many runs as one: all combinations of some choices, each with several seeds, in a folder that can be gone on with."""
