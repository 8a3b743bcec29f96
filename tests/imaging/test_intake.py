"""What a try-on's caller sends, all at once."""

import pytest
from PIL import Image

from bridge.errors import BadInput, ImageError, NotAnImage
from bridge.imaging.decode import NO_REGION
from bridge.imaging.intake import take_in
from tests.imaging.pictures import SMALL, encoded, scene

GOOD = {"person": encoded(scene()), "garment": encoded(scene((200, 300))), "mask": b"", "form": b"png"}


def test_all_is_decoded() -> None:
    """Both photos, and a mask at the person's size; without one there is no region."""
    taken = take_in(**GOOD)
    assert (taken.person.shape, taken.garment.shape) == ((200, 160, 3), (300, 200, 3))
    assert taken.region.shape == NO_REGION
    assert take_in(**{**GOOD, "mask": encoded(Image.new("L", SMALL, 255))}).region.shape == (200, 160)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"person": b"hello"}, NotAnImage, "The person's photo can't be used. This is no picture"),
        ({"garment": b"GIF89a"}, NotAnImage, "The garment's photo can't be used. This is a GIF"),
        ({"mask": encoded(Image.new("L", (300, 150), 255))}, ImageError, "The mask can't be used. "),
        ({"form": b"bmp"}, BadInput, "png, jpeg or webp"),
        ({"form": b"\xff"}, BadInput, "png, jpeg or webp"),
    ],
)
def test_a_refusal_names_the_picture(wrong: dict[str, bytes], error: type[BadInput], words: str) -> None:
    """The caller sent several; the sentence says which one can't be used."""
    with pytest.raises(error) as caught:
        take_in(**{**GOOD, **wrong})
    assert type(caught.value) is error
    assert words in str(caught.value)
