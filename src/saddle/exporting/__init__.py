"""Trained games as files that others open: ONNX, programs of torch's, bundles of weights."""
