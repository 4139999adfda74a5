"""Handwritten digits as pictures, for small datasets."""

from PIL import Image

from model.data.sources.digits import read_digits


def digit_images(label: int, count: int) -> list[Image.Image]:
    """Return the first images of a digit: grey, 8x8 pixels."""
    digits = read_digits()
    return [
        Image.fromarray(pixels[..., 0]) for pixels in digits.images_NHWC[digits.labels_N == label][:count]
    ]
