import weakref

import pytest
import torch
from torch import nn

from model.network.resnet9 import ReluDropout, ReluPool, ResNet9, published_weights


def test_has_the_parameters_of_the_table() -> None:
    network = ResNet9(10)
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == 6_573_120
    assert sum(t.numel() for t in published_weights(network).values()) == 6_577_600


def test_has_the_layers_of_the_table() -> None:
    convolutions = [m for m in ResNet9(10).modules() if isinstance(m, nn.Conv2d)]
    channels = [(c.in_channels, c.out_channels) for c in convolutions]
    assert channels == [
        (3, 64), (64, 128), (128, 128), (128, 128), (128, 256), (256, 512), (512, 512), (512, 512),
    ]  # fmt: skip
    for conv in convolutions:
        assert (conv.kernel_size, conv.stride, conv.padding, conv.bias) == ((3, 3), (1, 1), (1, 1), None)
    assert [m.p for m in ResNet9(10).modules() if isinstance(m, nn.Dropout)] == [0.1, 0.1]
    assert {m.eps for m in ResNet9(10).modules() if isinstance(m, nn.BatchNorm2d)} == {1e-5}


@pytest.mark.parametrize("side", [16, 24, 33, 64, 224])
def test_accepts_every_image_size(side: int) -> None:
    network = ResNet9(7).eval()
    with torch.inference_mode():
        assert network(torch.randn(2, 3, side, side)).shape == (2, 7)


def test_ends_in_a_global_maximum() -> None:
    network = ResNet9(4).eval()
    images_NCHW = torch.randn(3, 3, 40, 40)
    with torch.inference_mode():
        pooled = nn.functional.adaptive_max_pool2d(network.features(images_NCHW), 1).flatten(1)
        torch.testing.assert_close(network(images_NCHW), network.head(pooled))


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    network = ResNet9(10)
    images_NCHW = torch.randn(4, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    nn.functional.cross_entropy(network(images_NCHW), torch.tensor([0, 1, 2, 3])).backward()  # type: ignore[no-untyped-call]
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize("is_training", [True, False])
def test_the_order_of_relu_and_pool_does_not_matter(side: int, is_training: bool) -> None:
    torch.manual_seed(0)
    images_NCHW = torch.randn(4, 16, side, side).contiguous(memory_format=torch.channels_last)
    results = []
    gradients = []
    for pool in (ReluPool().train(is_training), lambda x: nn.functional.max_pool2d(x.relu(), 2)):
        leaf = images_NCHW.clone().requires_grad_()
        pooled = pool(leaf)
        (pooled * torch.arange(pooled.numel()).view(pooled.shape)).sum().backward()
        assert leaf.grad is not None
        results.append(pooled.detach())
        gradients.append(leaf.grad)
    assert torch.equal(*results)
    assert torch.equal(*gradients)
    assert gradients[0].is_contiguous(memory_format=torch.channels_last)


def test_pooling_does_not_keep_its_input_in_memory() -> None:
    images_NCHW = torch.randn(4, 16, 8, 8)
    inside = images_NCHW.requires_grad_() + 0
    pooled = ReluPool()(inside)
    kept = weakref.ref(inside)
    del inside
    assert kept() is None
    pooled.sum().backward()
    assert images_NCHW.grad is not None


def test_relu_and_dropout_equal_those_of_pytorch() -> None:
    images_NCHW = torch.randn(4, 16, 8, 8).contiguous(memory_format=torch.channels_last)
    results = []
    gradients = []
    for layer in (ReluDropout(0.1), lambda x: nn.functional.dropout(x.relu(), 0.1)):
        leaf = images_NCHW.clone().requires_grad_()
        torch.manual_seed(0)
        dropped = layer(leaf + 0)
        (dropped * torch.arange(dropped.numel()).view(dropped.shape)).sum().backward()
        assert leaf.grad is not None
        results.append(dropped.detach())
        gradients.append(leaf.grad)
    assert 0.4 < (results[0] == 0).float().mean() < 0.7
    assert torch.equal(*results)
    assert torch.equal(*gradients)
    assert torch.equal(ReluDropout(0.1).eval()(images_NCHW.clone()), images_NCHW.relu())


def test_published_weights_restore_the_network() -> None:
    network, again = ResNet9(5).eval(), ResNet9(5).eval()
    again.load_state_dict(published_weights(network))
    images_NCHW = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(network(images_NCHW), again(images_NCHW))
