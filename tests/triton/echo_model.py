"""A Python model that does what it is told, to see what becomes of it; copied into the tiny repository."""

from __future__ import annotations

import os
import time
from functools import partial

import numpy as np

from bridge.contracts import ANY, Backend, Contract, DType, Tensor
from bridge.errors import NoPerson
from bridge.triton.model import Array, Arrays, Infer, Models
from bridge.triton.serving import PythonModel

X = Tensor("x", DType.FP32, (ANY,), "numbers")
HOW = Tensor("how", DType.BYTES, (1,), "what to do", default=b"double")
Y = Tensor("y", DType.FP32, (ANY,), "twice the numbers")
ECHO = Contract("echo", "Does what it is told", Backend.PYTHON, (X, HOW), (Y,), calls=("decode",))


class TritonPythonModel(PythonModel):
    contract = ECHO

    def load(self, models: Models) -> Infer:
        return partial(_obey, models["decode"])


def _obey(decode: Infer, x: Array, how: Array) -> Arrays:
    match how[0]:
        case b"refuse":
            raise NoPerson("Nobody is in the photo; send one of a person.")
        case b"crash":
            raise ValueError("a secret of the server's")
        case b"owe":
            return {}
        case b"widen":
            return {"y": x.astype(np.float64)}
        case b"ask":
            return decode(photo=np.array([b"no picture"], np.object_))
        case b"sleep":
            time.sleep(2)
        case b"die":
            os._exit(3)
    return {"y": x * 2}
