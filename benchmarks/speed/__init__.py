"""Training speed: the whole loop, one training step, one convolution. Random images, no accuracy."""
