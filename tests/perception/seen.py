"""The words of this area's tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Seen = Mapping[str, npt.NDArray[Any]]
See = Callable[[UInt8], Seen]
"""Runs every model of the perception on an image."""

LARGEST = np.array([-1], np.int32)
