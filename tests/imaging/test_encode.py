"""Results on their way out."""

import io

import numpy as np
import pytest
from PIL import Image

from bridge.errors import BadInput
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import Format, encode_image, to_format

IMAGE = np.kron(np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5, np.ones((40, 40, 1), np.uint8))


@pytest.mark.parametrize(("form", "tolerance"), [(Format.PNG, 0), (Format.JPEG, 2), (Format.WEBP, 4)])
def test_what_is_encoded_decodes_again(form: Format, tolerance: float) -> None:
    """PNG keeps every bit, the others the looks; red stays red."""
    again = decode_image(encode_image(IMAGE, form))
    assert np.abs(again.astype(int) - IMAGE).mean() <= tolerance


@pytest.mark.parametrize("channels", [1, 4])
def test_png_takes_masks_and_layers(channels: int) -> None:
    """Grey and RGBA pictures keep their channels."""
    image = np.random.default_rng(0).integers(0, 256, (150, 140, channels), np.uint8).squeeze()
    assert (np.asarray(Image.open(io.BytesIO(encode_image(image)))) == image).all()


def test_a_format_has_a_name_and_a_media_type() -> None:
    """An unknown name is told which there are."""
    assert to_format("webp").media_type == "image/webp"
    with pytest.raises(BadInput, match="png, jpeg or webp"):
        to_format("bmp")
