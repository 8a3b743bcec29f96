"""The body that `make export` built."""

from __future__ import annotations

import pytest
import torch

from bridge.body.anny import load_anny
from bridge.body.linear import LinearBody


@pytest.fixture(scope="session")
def body() -> LinearBody:
    """Anny's body."""
    torch.set_num_threads(1)
    return load_anny()
