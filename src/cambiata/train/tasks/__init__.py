"""One file a network: its dataset, losses, presets, ONNX parts and card."""
