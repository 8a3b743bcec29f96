"""The cards: every one can be used, and says of the finisher what is needed at every size of picture."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from bridge.contracts import Contract
from bridge.errors import ConfigError
from bridge.finish.contracts import contracts
from bridge.finish.layout import Adapter, Layout, Net, Refiner
from export.cards import CARDS, DEFAULT_CARD, FINISH, Role, find_card, read_card, role
from export.pbtxt import render, write_configs
from export.sdxl.architectures import SCHEDULER, UNION_KINDS

NAMES = sorted(path.stem for path in CARDS.glob("*.yaml"))
LENT = ("l4", "a10", "rtx3090", "rtx4090", "a100", "h100", "h200")

LAYOUT = Layout(
    source="everything", sha256="0" * 64, licence="Apache-2.0", commercial_use=True,
    buckets=((1024, 1344), (1056, 1408)), union_kinds=UNION_KINDS, nets=(Net(name="identity", text="identity"),),
    adapters=(
        Adapter(name="garment", kind="plus", tokens=16), Adapter(name="face", kind="face", tokens=4),
        Adapter(name="identity", kind="identity", tokens=16),
    ),
    refiner=Refiner(), scheduler=dict(SCHEDULER),
)  # fmt: skip
"""Everything that a checkpoint can have."""


def config(contract: Contract, card: str) -> pb.ModelConfig:
    """What Triton reads."""
    return text_format.Parse(render(contract, find_card(card).tuning(contract.name), card), pb.ModelConfig())


def test_there_is_a_file_for_each_card() -> None:
    """And for machines that have none."""
    assert set(NAMES) == {DEFAULT_CARD, *LENT}


def test_each_kind_of_network_has_a_role() -> None:
    """At every size the same."""
    assert {role(name) for name in contracts(LAYOUT)} <= set(get_args(Role))


@pytest.mark.parametrize("name", LENT)
def test_a_card_runs_every_network_of_the_finisher(name: str) -> None:
    """On itself, with the sizes of batch that the network can have, and in types that the card computes in."""
    card = find_card(name)
    assert card.device is not None
    assert card.finisher.precision in card.device.dtypes
    assert ("fp8" in card.device.dtypes) == (card.device.sm in {"8.9", "9.0"})
    assert all(card.tuning(each).kind == "gpu" for each in get_args(Role))
    for contract in contracts(LAYOUT).values():
        made = config(contract, name)
        assert made.instance_group[0].kind == pb.ModelInstanceGroup.KIND_GPU
        assert max(made.dynamic_batching.preferred_batch_size, default=1) <= contract.max_batch
    for bucket in LAYOUT.buckets:
        assert card.finisher.rows_of(bucket).min == 1


def test_what_shares_a_small_cards_memory_takes_turns() -> None:
    """A large one has room for all at once."""
    made = contracts(LAYOUT)
    turns = {
        name
        for name, contract in made.items()
        if config(contract, "rtx4090").instance_group[0].rate_limiter.resources
    }
    assert turns == {name for name in made if role(name) in {"denoise", "refine", "vae_encode", "vae_decode"}}
    returned = "memory.enable_memory_arena_shrinkage"
    assert config(made["vae_decode"], "rtx4090").parameters[returned].string_value == "gpu:0"
    large = config(made["vae_decode"], "h200")
    assert not large.instance_group[0].rate_limiter.resources
    assert returned not in large.parameters


def test_rows_are_a_buckets_own_where_it_has_some() -> None:
    """The larger picture leaves room for fewer."""
    finisher = find_card("rtx4090").finisher
    assert finisher.rows_of((1024, 1344)).max == 6
    assert finisher.rows_of((1056, 1408)).max == 4


def test_the_finisher_learns_how_many_pictures_it_works_on() -> None:
    """It is the only model that does."""
    card = find_card("h200")
    assert (card.tuning(FINISH).jobs, card.tuning("face").jobs) == (8, None)


def test_configs_of_an_installed_checkpoint_are_written_too(tmp_path: Path) -> None:
    """The layout beside the finisher says which."""
    folder = tmp_path / FINISH / "1"
    folder.mkdir(parents=True)
    assert tmp_path / "refine_1024x1344" / "configs" / "l4.pbtxt" not in write_configs(tmp_path, "l4")
    (folder / "layout.json").write_text(LAYOUT.model_dump_json())
    assert tmp_path / "refine_1024x1344" / "configs" / "l4.pbtxt" in write_configs(tmp_path, "l4")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("finisher: {rows: {min: 2, opt: 1}}", "min <= opt <= max"),
        ("finisher: {networks: {denoize: {}}}", "denoize"),
        ("finisher: {buckets: {large: {}}}", "large"),
        ("device: {name: x, sm: sm_89, memory_mib: 24000, dtypes: []}", "sm"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """With the file and the place."""
    path = tmp_path / "card.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"card\.yaml") as caught:
        read_card(path)
    assert sentence in str(caught.value)
