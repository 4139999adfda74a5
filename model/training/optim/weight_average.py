"""Averages the weights of a training exponentially."""

import copy
import math

import torch

from model.network.resnet9 import ResNet9, published_weights

_STEPS_BETWEEN_AVERAGES = 5


class WeightAverage:
    """An exponential moving average of weights and batch-norm statistics, in a network of its own."""

    def __init__(self, network: ResNet9, horizon_steps: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._keep = math.exp(-_STEPS_BETWEEN_AVERAGES / horizon_steps)

    @torch.no_grad()
    def update(self, network: ResNet9, steps_done: int) -> None:
        """Take in the network after `steps_done` steps of the run; most steps change nothing."""
        if steps_done % _STEPS_BETWEEN_AVERAGES:
            return
        updates = steps_done // _STEPS_BETWEEN_AVERAGES
        # Early on a short memory, so that the untrained start is soon forgotten.
        keep = min(self._keep, updates / (updates + 10))
        mine, theirs = published_weights(self.network), published_weights(network)
        torch._foreach_lerp_(list(mine.values()), list(theirs.values()), 1 - keep)
