"""The configs: as the contracts say, and wired so that Triton can run them."""

from __future__ import annotations

from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from bridge.checkout import REPOSITORY
from bridge.contracts import (
    CONTRACTS,
    FACE,
    HAND,
    HAND_LANDMARK,
    LEARNED,
    TRYON_BASIC,
    Backend,
    Contract,
    Tensor,
)
from bridge.errors import ConfigError
from bridge.finish.contracts import is_network
from bridge.triton.ensembles import mapped_outputs, safe_outputs
from export.cards import CARDS, DEFAULT_CARD, Tuning, read_card
from export.pbtxt import config_path, render, weights_of, write_configs

ENSEMBLES = [contract for contract in CONTRACTS.values() if contract.backend is Backend.ENSEMBLE]


def parsed(text: str) -> pb.ModelConfig:
    """Read a config as Triton does."""
    return text_format.Parse(text, pb.ModelConfig())


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_committed_config_is_what_the_contract_says(name: str) -> None:
    """Run `make configs` when this fails."""
    tuning = read_card(CARDS / f"{DEFAULT_CARD}.yaml").tuning(name)
    assert config_path(REPOSITORY, DEFAULT_CARD, name).read_text() == render(
        CONTRACTS[name], tuning, weights=weights_of(CONTRACTS[name])
    )


def test_every_folder_has_a_contract_and_a_version() -> None:
    """The repository holds the contracts' models, and the networks that somebody installed."""
    folders = {path.name for path in REPOSITORY.iterdir() if path.is_dir()}
    assert {name for name in folders if not is_network(name)} - set(LEARNED) == set(CONTRACTS)
    for contract in CONTRACTS.values():
        version = REPOSITORY / contract.name / "1"
        assert (version / "model.py").is_file() == (contract.backend is Backend.PYTHON)


def produced(contract: Contract) -> dict[str, Tensor]:
    """Return every tensor of an ensemble's graph by its name."""
    made = {tensor.name: tensor for tensor in contract.inputs}
    for step in contract.steps:
        outputs = {tensor.name: tensor for tensor in CONTRACTS[step.model].outputs}
        made |= {target: outputs[name] for name, target in step.outputs.items()}
    return made


@pytest.mark.parametrize("ensemble", ENSEMBLES, ids=lambda c: c.name)
def test_every_tensor_that_is_read_is_made_alike(ensemble: Contract) -> None:
    """Same dtype and rank at both ends of each wire; what may be left out may be left out everywhere."""
    made = produced(ensemble)
    optional = {tensor.name for tensor in ensemble.inputs if tensor.default is not None}
    for step in ensemble.steps:
        for tensor in CONTRACTS[step.model].inputs:
            if tensor.name not in step.inputs:
                assert tensor.default is not None, step
                continue
            source = made[step.inputs[tensor.name]]
            assert (source.dtype, len(source.shape)) == (tensor.dtype, len(tensor.shape)), step
            if step.inputs[tensor.name] in optional:
                assert tensor.default is not None, step
    for tensor in ensemble.outputs:
        assert (made[tensor.name].dtype, made[tensor.name].shape) == (tensor.dtype, tensor.shape)


@pytest.mark.parametrize("ensemble", ENSEMBLES, ids=lambda c: c.name)
def test_no_inner_ensemble_is_asked_what_it_cannot_answer(ensemble: Contract) -> None:
    """See ``bridge.triton.ensembles``: what a step asks of an ensemble must not make Triton drop too much."""
    for step, outputs in zip(ensemble.steps, mapped_outputs(ensemble), strict=True):
        inner = CONTRACTS[step.model]
        if inner.backend is Backend.ENSEMBLE:
            assert safe_outputs(inner, outputs) == set(outputs)


def test_every_called_model_exists_and_none_calls_itself() -> None:
    """Not through others and their graphs either: a model's only instance would wait for itself."""
    asks = {c.name: {*c.calls, *(step.model for step in c.steps)} for c in CONTRACTS.values()}
    order = list(TopologicalSorter(asks).static_order())
    assert set(order) == set(CONTRACTS)


def test_only_tensors_that_are_read_are_mapped() -> None:
    """Triton refuses a graph with a tensor that nobody reads: the body's other skeletons, here."""
    steps = parsed(render(TRYON_BASIC, Tuning())).ensemble_scheduling.step
    pose = next(step for step in steps if step.model_name == "pose")
    assert "keypoints" in pose.output_map
    assert "coco17" not in pose.output_map


def test_tuning_reaches_the_config(tmp_path: Path) -> None:
    """Each field of a card's file becomes the field of Triton's that it stands for."""
    path = tmp_path / "card.yaml"
    path.write_text(
        "default: {instances: 2}\n"
        "models:\n"
        "  hand_landmark: {kind: gpu, max_queue_delay_us: 300, preferred_batch: [2, 4], threads: 3}\n"
        "  hand: {memo_mib: 7}\n"
    )
    card = read_card(path)
    config = parsed(render(HAND_LANDMARK, card.tuning("hand_landmark"), "card"))
    group = config.instance_group[0]
    assert (group.count, group.kind) == (2, pb.ModelInstanceGroup.KIND_GPU)
    assert config.dynamic_batching.max_queue_delay_microseconds == 300
    assert list(config.dynamic_batching.preferred_batch_size) == [2, 4]
    assert config.parameters["intra_op_thread_count"].string_value == "3"
    assert parsed(render(FACE, card.tuning("face"))).instance_group[0].count == 2
    assert parsed(render(HAND, card.tuning("hand"))).parameters["memo_mib"].string_value == "7"
    assert not parsed(render(FACE, card.tuning("face"))).parameters


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "models: {hand_landmrk: {instances: 2}}",
            "'hand_landmrk', which doesn't exist; was 'hand_landmark' meant",
        ),
        ("models: {face: {instances: 0}}", "greater than or equal to 1"),
        ("models: {face: {instnces: 1}}", "instnces"),
        ("models: {face: {threads: 2}}", "`threads` is for networks"),
        ("models: {hand_landmark: {preferred_batch: [16]}}", "batches of up to 8"),
        ("models: {hand_landmark: {memo_mib: 4}}", "hand_landmark is a network and remembers nothing"),
        ("models: {perception: {instances: 2}}", "perception is an ensemble"),
        ("models: [", "can't be used"),
    ],
)
def test_a_card_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """With the file, the place and what to do."""
    path = tmp_path / "card.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_card(path)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("card.yaml")


def test_a_model_that_answers_in_parts_remembers_none(tmp_path: Path) -> None:
    """Its base has no memory, so that a card that gives it one is mistaken."""
    path = tmp_path / "card.yaml"
    path.write_text("models: {face: {memo_mib: 1}}")
    with pytest.raises(ConfigError, match="face answers in several parts"):
        read_card(path, {FACE.name: replace(FACE, decoupled=True)})


def test_another_cards_configs_lie_beside_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Triton's --model-config-name looks for them."""
    (tmp_path / "l4.yaml").write_text("default: {kind: gpu}\n")
    monkeypatch.setattr("export.cards.CARDS", tmp_path)
    written = write_configs(tmp_path / "models", "l4")
    assert tmp_path / "models" / "face" / "configs" / "l4.pbtxt" in written
    assert "KIND_GPU" in (tmp_path / "models" / "face" / "configs" / "l4.pbtxt").read_text()
    assert not (tmp_path / "models" / "face" / "config.pbtxt").exists()


MAY_REFUSE = {"intake", "garment", "pose", "route"}


def test_what_may_refuse_runs_alone() -> None:
    """Each such step of ``tryon_basic`` waits for all before it, or all after it wait for it.

    Triton before 26.04 leaks, hangs or crashes when a step fails while another one runs (core's request 483).
    """
    before: dict[str, set[str]] = {}
    makers: dict[str, str] = {}
    for step in TRYON_BASIC.steps:
        direct = {makers[source] for source in step.inputs.values() if source in makers}
        before[step.model] = direct.union(*(before[model] for model in direct))
        makers |= dict.fromkeys(step.outputs.values(), step.model)
    for refusing in MAY_REFUSE:
        for other in before.keys() - {refusing}:
            assert refusing in before[other] or other in before[refusing], (refusing, other)
