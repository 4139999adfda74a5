"""The network: ResNet9, its convolutions and the normalisation of its input."""
