"""A walk through the theory of GANs in steps: texts in two languages, pictures and commands that they share."""
