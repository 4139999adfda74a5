"""`classic` trains exactly like a plain script, which is written from the description of the original Keras recipe alone."""

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
from tests.model.conftest import NARROWER
from tests.model.tiny_training import Recorder, TinyTraining

pytestmark = pytest.mark.usefixtures("narrow_network")

EPOCHS, BATCH, STEPS = 10, 20, 2


class Plain(nn.Module):
    """The network of the README's table, without any optimisation."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        full = [(3, 64), (64, 128), (128, 128), (128, 128), (128, 256), (256, 512), (512, 512), (512, 512)]
        sizes = [(i if i == 3 else i // NARROWER, o // NARROWER) for i, o in full]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1, bias=False) for i, o in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(o, eps=1e-5, momentum=0.9) for _, o in sizes)
        self.head = nn.Linear(512 // NARROWER, classes, bias=False)

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


def plain_losses(tiny_training: TinyTraining, spec: ResolvedSpec) -> list[float]:
    """Return, after each step, the mean loss of the epoch's steps so far."""
    data = load_training_data(spec, tiny_training.storage, tiny_training.cache_dir, open_device("cpu", 1))
    network = Plain(3)
    seed_step(spec.seed, -1, 0)
    started = initialise_network(recipe_of(spec), 3).state_dict()
    network.load_state_dict(dict(zip(names_in_order(network), weights_in_order(started), strict=True)))
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


def names_in_order(network: Plain) -> list[str]:
    """Return the names of the plain network's weights, block by block."""
    blocks = [
        (f"convs.{n}.weight", *(f"norms.{n}.{tensor}" for tensor in TENSORS_OF_BATCH_NORM)) for n in range(8)
    ]
    return [*(name for block in blocks for name in block), "head.weight"]


def weights_in_order(weights: dict[str, Tensor]) -> list[Tensor]:
    """Return the weights of our network in the same order."""
    blocks = [name.removesuffix("conv.weight") for name in weights if name.endswith("conv.weight")]
    found = [
        (f"{block}conv.weight", *(f"{block}norm.{tensor}" for tensor in TENSORS_OF_BATCH_NORM))
        for block in blocks
    ]
    return [weights[name] for block in found for name in block] + [weights["head.weight"]]


TENSORS_OF_BATCH_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


@pytest.fixture(scope="module")
def spec(tiny_training: TinyTraining) -> ResolvedSpec:
    return tiny_training.spec(
        recipe="classic", epochs=EPOCHS, batch_size=BATCH, augmentation="none", horizontal_flip=False
    )


@pytest.fixture(scope="module")
def expected(tiny_training: TinyTraining, spec: ResolvedSpec) -> list[float]:
    return plain_losses(tiny_training, spec)


@pytest.mark.parametrize("min_tiles", [1, winograd._MIN_TILES])
def test_classic_has_the_losses_of_the_plain_script(
    tiny_training: TinyTraining,
    spec: ResolvedSpec,
    expected: list[float],
    monkeypatch: pytest.MonkeyPatch,
    min_tiles: int,
) -> None:
    # That Winograd's algorithm changes nothing shows after the first steps; the momentum needs more of them.
    epochs = 3 if min_tiles == 1 else EPOCHS
    monkeypatch.setattr(winograd, "_MIN_TILES", min_tiles)
    recorder = Recorder()
    run_training(tiny_training.request(spec.model_copy(update={"epochs": epochs})), recorder)
    ours = [progress.loss for progress in recorder.steps if progress.loss is not None]
    assert len(ours) == STEPS * epochs
    assert ours == pytest.approx(expected[: len(ours)], abs=1e-4)
    assert ours[-1] < ours[0]


@pytest.mark.parametrize("name", [RecipeName.FAST, RecipeName.THOROUGH])
def test_a_recipe_memorises_one_batch(tiny_training: TinyTraining, name: RecipeName) -> None:
    given = {"augmentation": "none", "horizontal_flip": False, "validation_fraction": 0.0}
    recorder = Recorder()
    run_training(
        tiny_training.request(tiny_training.spec(recipe=name, epochs=5, batch_size=64, **given)), recorder
    )
    assert recorder.rows[-1].train_accuracy == 1.0
    assert RECIPES[name].label_smoothing > 0  # so the loss itself does not approach 0
