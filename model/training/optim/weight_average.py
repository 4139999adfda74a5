"""Keeps an exponential moving average of the network's weights during training."""

import copy
import math

import torch

from model.network.resnet9 import ResNet9, published_weights

_STEPS_BETWEEN_UPDATES = 5


class WeightAverage:
    """An exponential moving average of weights and batch-norm statistics, held in a second network.

    Polyak averaging as in airbench (arXiv 2404.00498) and Page's "How to train your ResNet".
    """

    def __init__(self, network: ResNet9, horizon_steps: float) -> None:
        """Start with the network's weights.

        Args:
            network: the network that is trained; it is copied.
            horizon_steps: time constant: weights that are this many steps old count 1/e of the newest.
        """
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._decay = math.exp(-_STEPS_BETWEEN_UPDATES / horizon_steps)

    @torch.no_grad()
    def update(self, network: ResNet9, steps_done: int) -> None:
        """Include the network's weights after `steps_done` steps; only every fifth step changes the average."""
        if steps_done % _STEPS_BETWEEN_UPDATES:
            return
        updates = steps_done // _STEPS_BETWEEN_UPDATES
        # A smaller decay at the beginning, so that the untrained initial weights soon have no influence.
        decay = min(self._decay, updates / (updates + 10))
        averages, weights = published_weights(self.network), published_weights(network)
        torch._foreach_lerp_(list(averages.values()), list(weights.values()), 1 - decay)
