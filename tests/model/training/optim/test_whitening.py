import torch

from model.recipes.recipe import RECIPES
from model.spec import RecipeName
from model.training.optim.initialisation import initialise_network
from model.training.optim.whitening import Whitening, whitening_matrix


def test_whitened_patches_have_a_covariance_of_about_1() -> None:
    torch.manual_seed(0)
    # Neighbouring pixels are similar, as in photos.
    images_NCHW = torch.nn.functional.avg_pool2d(torch.randn(64, 3, 18, 18), 3, stride=1) * 3
    patches = torch.nn.functional.unfold(images_NCHW, 3).transpose(0, 1).flatten(1)
    white = whitening_matrix(images_NCHW).float() @ patches
    variances = torch.linalg.eigvalsh(white.double().cov())
    assert variances.max() < 1.01
    assert variances.max() > 0.9


def test_the_first_convolution_ignores_colours_that_grey_training_images_never_show() -> None:
    recipe, grey_NCHW = RECIPES[RecipeName.FAST], torch.randn(32, 1, 16, 16).expand(-1, 3, -1, -1)
    network = initialise_network(recipe, 3)
    Whitening(network, whitening_matrix(grey_NCHW)).apply_to_weight()
    tint = torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1)
    first = network.features[0].eval()
    with torch.inference_mode():
        torch.testing.assert_close(first(grey_NCHW + tint), first(grey_NCHW), atol=1e-4, rtol=1e-3)
