"""The baseline: ResNet9 trained by a straightforward PyTorch script, with nothing of Ninefold.

torchvision's DataLoader with one worker per CPU, v2 transforms, channels_last, the default allocator, autocast on GPUs.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks.speed.measurement import measurement, now
from benchmarks.speed.random_images import CLASSES, random_images
from model.host.cpus import cpu_quota


class Images(Dataset[tuple[Tensor, int]]):
    """Random images with the usual augmentation."""

    def __init__(self, count: int) -> None:
        self._images_NHWC, self._labels_N = random_images(count)
        self._transform = v2.Compose(
            [
                v2.RandomCrop(32, padding=4, padding_mode="reflect"),
                v2.RandomHorizontalFlip(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
            ]
        )

    def __len__(self) -> int:
        return len(self._labels_N)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return one augmented image, CHW, and its label."""
        return self._transform(self._images_NHWC[index].permute(2, 0, 1)), int(self._labels_N[index])


class Residual(nn.Sequential):
    """Layers whose input is added to their output."""

    def forward(self, images_NCHW: Tensor) -> Any:  # noqa: D102, N803
        return images_NCHW + super().forward(images_NCHW)  # type: ignore[no-untyped-call]


def convolution_block(channels_in: int, channels_out: int) -> list[nn.Module]:
    """Return convolution, batch norm and ReLU."""
    convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)]


def plain_network(classes: int) -> nn.Sequential:
    """Return ResNet9 as a sequence of torch's own layers."""
    return nn.Sequential(
        *convolution_block(3, 64),
        *convolution_block(64, 128),
        nn.MaxPool2d(2),
        Residual(*convolution_block(128, 128), nn.Dropout(0.1), *convolution_block(128, 128)),
        *convolution_block(128, 256),
        nn.MaxPool2d(2),
        *convolution_block(256, 512),
        nn.MaxPool2d(2),
        Residual(*convolution_block(512, 512), nn.Dropout(0.1), *convolution_block(512, 512)),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(512, classes, bias=False),
    )


def train(batch_size: int, steps: int, device_name: str) -> dict[str, float]:
    """Train one step as warm-up, then time `steps` steps."""
    torch.set_num_threads(cpu_quota())
    device = torch.device(device_name)
    is_cuda = device.type == "cuda"
    dataset = Images(batch_size * (steps + 1))
    network = plain_network(CLASSES).to(memory_format=torch.channels_last).to(device)
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=steps + 1)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.2)
    started = ended = 0.0
    loader = DataLoader(dataset, batch_size, shuffle=True, num_workers=cpu_quota(), pin_memory=is_cuda)
    for step, (batch_NCHW, targets_N) in enumerate(loader):
        images_NCHW = batch_NCHW.to(device, memory_format=torch.channels_last, non_blocking=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=is_cuda):
            loss = criterion(network(images_NCHW), targets_N.to(device, non_blocking=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step in (0, steps):
            started, ended = ended, now(device_name)
    return measurement(batch_size * steps, ended - started, device_name)
