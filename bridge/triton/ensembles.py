"""Which outputs of an ensemble may be asked for together, and what to ask for instead.

Before it runs an ensemble, Triton drops the steps that nobody needs, and drops too many: an output that wasn't
asked for counts against its step even when another step reads it, and counts twice when that reader was dropped
as well. What then waits for a dropped step is answered with "unexpected deadlock, at least one output is not
set" (triton-inference-server/server issue 7482, open; ``EnsembleContext`` in core's ``ensemble_scheduler.cc``
of 24.10 and of June 2026).
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from bridge.contracts import Contract


def safe_outputs(contract: Contract, wanted: Iterable[str]) -> Set[str]:
    """Return ``wanted`` if Triton can answer that, else every output, which it always can."""
    names = set(wanted)
    if _needed(contract, names) & _dropped(contract, names):
        return {tensor.name for tensor in contract.outputs}
    return names


def mapped_outputs(contract: Contract) -> list[dict[str, str]]:
    """Return for each step its outputs that somebody reads; Triton refuses a graph with any other."""
    read = {source for step in contract.steps for source in step.inputs.values()}
    read |= {tensor.name for tensor in contract.outputs}
    return [{name: to for name, to in step.outputs.items() if to in read} for step in contract.steps]


def _needed(contract: Contract, wanted: Set[str]) -> set[int]:
    """Return the steps that make ``wanted``, with those that they read from."""
    maker = _makers(contract)
    needed: set[int] = set()
    pending = [maker[name] for name in wanted if name in maker]
    while pending:
        step = pending.pop()
        if step not in needed:
            needed.add(step)
            pending += [maker[name] for name in contract.steps[step].inputs.values() if name in maker]
    return needed


def _dropped(contract: Contract, wanted: Set[str]) -> set[int]:
    """Return the steps that Triton drops, by its own way of counting."""
    maker = _makers(contract)
    left = [len(outputs) for outputs in mapped_outputs(contract)]
    readers = {name: _readers(contract, name) for name in (*maker, *(t.name for t in contract.inputs))}
    ignored = {tensor.name for tensor in contract.outputs} - wanted
    dropped: set[int] = set()
    while ignored:
        unread: set[str] = set()
        for name in ignored:
            step = maker.get(name, 0)  # an input of the ensemble counts against the first step
            left[step] -= 1
            if left[step] == 0:
                dropped.add(step)
                for source in contract.steps[step].inputs.values():
                    readers[source].discard(step)
                    if not readers[source]:
                        unread.add(source)
        ignored = unread
    return dropped


def _makers(contract: Contract) -> dict[str, int]:
    return {to: i for i, step in enumerate(contract.steps) for to in step.outputs.values()}


def _readers(contract: Contract, tensor: str) -> set[int]:
    return {i for i, step in enumerate(contract.steps) if tensor in step.inputs.values()}
