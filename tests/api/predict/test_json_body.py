"""Images in base64 in a JSON body."""

from base64 import b64encode, urlsafe_b64encode

import pytest

from api.predict.errors import EmptyUploadError, TooManyImagesError, UploadError
from api.predict.json_body import JsonBody
from api.predict.limits import UploadLimits

LIMITS = UploadLimits(image_bytes=8, images=2)
CAT = b64encode(b"a cat").decode()


def _images(document: str) -> list[bytes | bytearray | None]:
    body = JsonBody(LIMITS)
    for character in document.encode():
        body.feed(bytes([character]))
    return [image.data for image in body.images()]


@pytest.mark.parametrize(
    "text", [CAT, f"data:image/png;base64,{CAT}", f"{CAT[:4]}\\n{CAT[4:]}"], ids=["bare", "data", "lines"]
)
def test_an_image_in_base64(text: str) -> None:
    assert _images(f'{{"image": "{text}"}}') == [b"a cat"]


def test_the_alphabet_for_urls_and_left_out_padding() -> None:
    image = b"\xfb\xff\xfe\xff"
    assert _images(f'{{"image": "{urlsafe_b64encode(image).decode()}"}}') == [image]
    assert _images(f'{{"image": "{urlsafe_b64encode(image).decode().rstrip("=")}"}}') == [image]


def test_several_images_of_which_one_is_too_large() -> None:
    large = b64encode(b"123456789").decode()
    assert _images(f'{{"images": ["{CAT}", "{large}"]}}') == [b"a cat", None]


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ("", UploadError),
        ("[]", UploadError),
        ('{"image": 3}', UploadError),
        ('{"picture": ""}', UploadError),
        ('{"image": "no base64!"}', UploadError),
        ('{"image": "aaaaa"}', UploadError),
        ("{}", EmptyUploadError),
        ('{"images": ["", "", ""]}', TooManyImagesError),
    ],
)
def test_other_documents_are_refused(document: str, error: type[UploadError]) -> None:
    with pytest.raises(error):
        _images(document)


def test_a_document_of_too_many_values_is_refused_before_it_is_parsed() -> None:
    body = JsonBody(UploadLimits())
    body.feed(b"[" + b"0," * 2_000_000 + b"0]")
    with pytest.raises(UploadError, match="2,000,000 values at most"):
        body.images()
