"""A trained network as ONNX graphs, in float32 and with 8-bit integers, and the engine that runs them. Imports no torch."""
