"""Runs passed on: bundles with a model card, in a folder or on the Hugging Face hub."""
