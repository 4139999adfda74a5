"""The network: ResNet9 and its convolutions."""
