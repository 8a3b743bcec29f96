"""What a network needs beside its weights while it computes, counted without computing.

On torch's device ``meta`` an operation makes shapes and nothing else, so that a forward pass of a network of any
size takes seconds. What it would have allocated and freed is followed tensor by tensor. Attention counts as if it
were computed in tiles, as every kernel on a card does (FlashAttention; Dao et al. 2022): its matrix is never there.
Scratch of the libraries underneath (cuDNN) is not known and doesn't count.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary


class _Allocations(TorchDispatchMode):  # type: ignore[misc]  # mypy doesn't follow torch
    """Follows what operations allocate: ``live`` and ``peak`` [bytes]."""

    def __init__(self, known: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known = WeakIdKeyDictionary({tensor.untyped_storage(): True for tensor in known})

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage in self._known:
            return
        self._known[storage] = True
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._free, storage.nbytes())

    def _free(self, size: int) -> None:
        self.live -= size


class _TiledAttention(TorchFunctionMode):  # type: ignore[misc]  # mypy doesn't follow torch
    """Lets attention make its output alone."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[torch.Tensor, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        if func is not torch.nn.functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        given = {**dict(zip(("query", "key", "value"), args, strict=False)), **(kwargs or {})}
        query, value = given["query"], given["value"]
        return query.new_empty((*query.shape[:-1], value.shape[-1]))


def workspace(module: torch.nn.Module, inputs: Iterable[torch.Tensor]) -> int:
    """Return the most that a forward pass needs at any time beside weights and inputs [bytes].

    Args:
        module: on the device meta, in the type it computes in.
        inputs: on the device meta.
    """
    given = list(inputs)
    known = [*module.parameters(), *module.buffers(), *given]
    with torch.no_grad(), _TiledAttention(), _Allocations(known) as counted:
        module(*given)
    return counted.peak


def weight(module: torch.nn.Module) -> int:
    """Return what a network's weights take [bytes]; one that is used twice counts once."""
    storages = {id(tensor): tensor.nbytes for tensor in (*module.parameters(), *module.buffers())}
    return sum(storages.values())
