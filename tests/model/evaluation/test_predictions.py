# ruff: noqa: N803 - shapes in names
import torch
from torch import Tensor, nn

from model.device.device import open_device
from model.evaluation.predictions import predict_logits
from model.network.normalisation import Normalisation


class LeftAndRight(nn.Module):
    """Two logits: the mean brightness of the left and of the right half of an image."""

    def forward(self, images_NCHW: Tensor) -> Tensor:
        left, right = images_NCHW.chunk(2, dim=3)
        return torch.stack([left.mean((1, 2, 3)), right.mean((1, 2, 3))], 1)


def test_flips_average_the_logits_of_an_image_and_its_mirror_image() -> None:
    images_NHWC = torch.zeros(2, 16, 16, 3, dtype=torch.uint8)
    images_NHWC[:, :, :8] = 200
    device, plain = open_device("cpu", 1), Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    one = predict_logits(LeftAndRight(), images_NHWC, plain, device)
    two = predict_logits(LeftAndRight(), images_NHWC, plain, device, with_flips=True)
    torch.testing.assert_close(one, torch.tensor([[200 / 255, 0.0]] * 2))
    torch.testing.assert_close(two, torch.full((2, 2), 100 / 255))
