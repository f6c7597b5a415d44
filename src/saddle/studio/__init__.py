"""The studio: a local page to train, explore, draw and understand, by nothing but what Python offers anybody."""
