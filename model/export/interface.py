"""The names of the input and the outputs of every exported graph."""

IMAGES = "images"
"""uint8 [N, S, S, 3]: RGB pixels."""
PROBABILITIES = "probabilities"
"""float32 [N, K]."""
LOGITS = "logits"
"""float32 [N, K], not divided by the temperature."""
