"""`classic` against a plain script of the same recipe, written from the source's description alone."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.device.device import open_device
from model.network import winograd
from model.recipes.recipe import RECIPES, recipe_of
from model.spec import RecipeName, ResolvedSpec
from model.training.optim.initialisation import initialise_network
from model.training.seeding import epoch_order, seed_step
from model.training.training import run_training
from model.training.training_data import load_training_data
from tests.model.tiny import Recorder, Workshop

EPOCHS, BATCH, STEPS = 10, 20, 2


class Plain(nn.Module):
    """The table, spelled out."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        sizes = [(3, 64), (64, 128), (128, 128), (128, 128), (128, 256), (256, 512), (512, 512), (512, 512)]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1, bias=False) for i, o in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(o, eps=1e-5, momentum=0.9) for _, o in sizes)
        self.head = nn.Linear(512, classes, bias=False)

    def block(self, number: int, x: Tensor) -> Tensor:
        return torch.relu(self.norms[number](self.convs[number](x)))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.block(1, self.block(0, x)), 2)
        x = x + self.block(3, functional.dropout(self.block(2, x), 0.1))
        x = functional.max_pool2d(self.block(4, x), 2)
        x = functional.max_pool2d(self.block(5, x), 2)
        x = x + self.block(7, functional.dropout(self.block(6, x), 0.1))
        logits: Tensor = self.head(functional.adaptive_max_pool2d(x, 1).flatten(1))
        return logits


def plain_losses(workshop: Workshop, spec: ResolvedSpec) -> list[float]:
    """The mean loss of each epoch so far, after each step."""
    data = load_training_data(spec, workshop.storage, workshop.cache_dir, open_device("cpu", 1))
    network = Plain(3)
    seed_step(spec.seed, -1, 0)
    started = initialise_network(recipe_of(spec), 3).state_dict()
    network.load_state_dict(dict(zip(in_order(network), in_order_of(started), strict=True)))
    network = network.to(memory_format=torch.channels_last)
    velocity = [torch.zeros_like(p) for p in network.parameters()]
    mean, std = (torch.tensor(v) for v in (data.normalisation.mean, data.normalisation.std))
    losses, step = [], 0
    for epoch in range(EPOCHS):
        so_far, images = 0.0, 0
        for number, chosen in enumerate(epoch_order(spec.seed, epoch, len(data.train)).tensor_split(STEPS)):
            seed_step(spec.seed, epoch, number)
            x = ((data.train.images_NHWC[chosen] - 255 * mean) / (255 * std)).permute(0, 3, 1, 2)
            loss = functional.cross_entropy(network(x), data.train.labels_N[chosen])
            penalty = 5e-4 * torch.stack([p.square().sum() for p in network.convs.parameters()]).sum()
            gradients = torch.autograd.grad(loss + penalty, list(network.parameters()))
            rate = 0.01 / (1 + 1e-5 * step)
            with torch.no_grad():
                for p, v, g in zip(network.parameters(), velocity, gradients, strict=True):
                    v.mul_(0.9).add_(g)
                    p.sub_(rate * (g + 0.9 * v))
            step += 1
            so_far, images = so_far + loss.item() * len(chosen), images + len(chosen)
            losses.append(so_far / images)
    return losses


def in_order(network: Plain) -> list[str]:
    """The plain network's names, block by block."""
    blocks = [(f"convs.{n}.weight", *(f"norms.{n}.{part}" for part in PARTS)) for n in range(8)]
    return [*(name for block in blocks for name in block), "head.weight"]


def in_order_of(weights: dict[str, Tensor]) -> list[Tensor]:
    """The same of ours."""
    blocks = [name.removesuffix("conv.weight") for name in weights if name.endswith("conv.weight")]
    found = [(f"{block}conv.weight", *(f"{block}norm.{part}" for part in PARTS)) for block in blocks]
    return [weights[name] for block in found for name in block] + [weights["head.weight"]]


PARTS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


@pytest.mark.parametrize("min_tiles", [1, winograd._MIN_TILES])
def test_classic_is_the_plain_script(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, min_tiles: int
) -> None:
    monkeypatch.setattr(winograd, "_MIN_TILES", min_tiles)
    spec = workshop.spec(
        recipe="classic", epochs=EPOCHS, batch_size=BATCH, augmentation="none", horizontal_flip=False
    )
    recorder = Recorder()
    run_training(workshop.request(spec), recorder)
    ours = [progress.loss for progress in recorder.steps]
    assert len(ours) == STEPS * EPOCHS
    assert ours == pytest.approx(plain_losses(workshop, spec), abs=1e-4)
    assert ours[-1] < ours[0]


@pytest.mark.parametrize("name", [RecipeName.FAST, RecipeName.THOROUGH])
def test_a_recipe_learns_one_batch_by_heart(workshop: Workshop, name: RecipeName) -> None:
    given = {"augmentation": "none", "horizontal_flip": False, "validation_fraction": 0.0}
    recorder = Recorder()
    run_training(workshop.request(workshop.spec(recipe=name, epochs=10, batch_size=64, **given)), recorder)
    assert recorder.rows[-1].train_accuracy == 1.0
    assert RECIPES[name].label_smoothing > 0  # which is why the loss itself does not vanish
