"""Where the images of the built-in datasets come from, and under which licence. Imports neither torch nor numpy."""

_TINY_IMAGES = (
    "collected by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton from the web by way of 80 Million Tiny Images, which its "
    "own authors withdrew in 2020 (A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; "
    "https://www.cs.toronto.edu/~kriz/cifar.html). The authors state no licence."
)

PROVENANCE = {
    "digits": (
        "The images are the test set of Optical Recognition of Handwritten Digits by E. Alpaydin and C. Kaynak, 1998 "
        "(https://doi.org/10.24432/C50P49), as scikit-learn ships it. Licence: CC BY 4.0."
    ),
    "cifar10": f"The images are CIFAR-10, {_TINY_IMAGES}",
    "cifar100": f"The images are CIFAR-100, {_TINY_IMAGES}",
    "fashion-mnist": (
        "The images are Fashion-MNIST by Han Xiao, Kashif Rasul and Roland Vollgraf, Zalando SE, 2017 "
        "(https://github.com/zalandoresearch/fashion-mnist, arXiv 1708.07747). Licence: MIT."
    ),
}
"""By dataset: whole sentences for people who use, or pass on, a model that was trained on it."""
