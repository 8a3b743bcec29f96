"""The finisher's benchmark: the whole script on tiny networks, and what a short lease asks of it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from benchmarks import finisher
from benchmarks.__main__ import app
from benchmarks.finisher_columns import COLUMNS
from benchmarks.finisher_report import Lease, Rows
from benchmarks.finisher_table import of_finisher

FACTS = {"card": "none", "commit": "abc", "tiny": True}
QUICK = ("matrix", "networks", "jobs", "diffusers", "mlperf", "graph", "compiled jobs")


def lease(path: Path, seconds: float = 100.0, **facts: object) -> Lease:
    """A lease that says nothing."""
    return Lease(path, seconds, FACTS | facts, lambda line: None)


def fails(rows: Rows) -> None:
    """Find something, then fail."""
    rows.append({"found": 1})
    raise RuntimeError("the card is gone")


def test_a_section_that_fails_costs_the_others_nothing(tmp_path: Path) -> None:
    """What it had found stays, with the reason; the next one is written too, each as soon as it is there."""
    path = tmp_path / "results.json"
    one = lease(path)
    one.section("first", fails, 1)
    assert json.loads(path.read_text())["sections"]["first"]["rows"] == [{"found": 1}]
    one.section("second", lambda rows: rows.append({"found": 2}), 1)
    sections = json.loads(path.read_text())["sections"]
    assert sections["first"]["missing"] == "RuntimeError: the card is gone"
    assert (sections["second"]["rows"], sections["second"]["missing"]) == ([{"found": 2}], None)


def test_what_would_end_too_late_is_not_begun(tmp_path: Path) -> None:
    """It says so, and how to have it."""
    one = lease(tmp_path / "results.json", seconds=10)
    one.section("long", fails, 60)
    assert one.sections["long"]["rows"] == []
    assert "--only" in str(one.sections["long"]["missing"])


def test_a_later_run_adds_to_an_earlier_one(tmp_path: Path) -> None:
    """On the same card and commit; and a section that finds nothing doesn't wipe what was found."""
    path = tmp_path / "results.json"
    lease(path).section("first", lambda rows: rows.append({"found": 1}), 1)
    again = lease(path)
    again.section("second", lambda rows: rows.append({"found": 2}), 1)
    again.section("first", fails, 1000)
    assert {name: each["rows"] for name, each in again.sections.items()} == {
        "first": [{"found": 1}], "second": [{"found": 2}],
    }  # fmt: skip
    assert lease(path, commit="def").sections == {}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """Everything that takes seconds on a processor, by the command."""
    file = tmp_path_factory.mktemp("finisher") / "finisher.json"
    threads = torch.get_num_threads()
    asked = ["finisher", "--tiny", "--runs", "1", "--json", str(file)]
    done = CliRunner().invoke(app, [*asked, *(word for name in QUICK for word in ("--only", name))])
    torch.set_num_threads(threads)
    assert done.exit_code == 0, done.output
    return json.loads(file.read_text())


def rows(results: dict[str, dict[str, object]], section: str) -> list[dict[str, object]]:
    """What a section found."""
    return results["sections"][section]["rows"]  # type: ignore[index,return-value]


@pytest.mark.slow
def test_every_network_is_measured(results: dict[str, dict[str, object]]) -> None:
    """The denoisers with each number of rows at both sizes, with what they compute in how long."""
    found = {(row["network"], row["rows"]): row for row in rows(results, "networks")}
    for name in ("denoise_64x128", "denoise_128x192", "refine_64x128", "refine_128x192"):
        assert {size for network, size in found if network == name} == {2, 4, 8}
    assert {("vae_decode", 1), ("vae_encode", 1), ("text_encode", 2)} <= found.keys()
    two, four = found["denoise_128x192", 2], found["denoise_128x192", 4]
    assert four["tflop"] == pytest.approx(2 * float(two["tflop"]), rel=0.02)  # type: ignore[arg-type]
    assert float(two["tflops"]) == pytest.approx(1e3 * two["tflop"] / two["ms"], rel=0.02)  # type: ignore[arg-type,operator]


@pytest.mark.slow
def test_pictures_are_finished_by_the_engine_and_by_diffusers(results: dict[str, dict[str, object]]) -> None:
    """With the steps of tier Ω; what is computed is the sum of what the networks compute, mostly the denoisers'."""
    found = {row["job"]: row for row in rows(results, "jobs")}
    short, full = found["tier Ω"], found["tier Ω, full schedule"]
    assert (short["executed_steps"], full["executed_steps"], short["refiner_steps"]) == (8, 40, 5)
    assert short["bucket"] == "128x192"
    assert len(short["controls"]) == 5  # type: ignore[arg-type]
    step = next(row for row in rows(results, "networks") if row["network"] == "denoise_128x192")["tflop"]
    assert full["tflop"] - short["tflop"] == pytest.approx(32 * step, rel=0.02)  # type: ignore[operator]
    assert 0 <= float(short["orchestration"]) < 1  # type: ignore[arg-type]
    assert found["two of tier Ω"]["tflop"] == pytest.approx(2 * short["tflop"], rel=0.05)  # type: ignore[operator]
    assert rows(results, "diffusers")[0]["ms"] > 0  # type: ignore[operator]
    assert [row["together"] for row in rows(results, "mlperf")] == [1, 4]


@pytest.mark.slow
def test_what_needs_a_card_says_so(results: dict[str, dict[str, object]]) -> None:
    """The others are there all the same, and the tables show all of it."""
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    sections = results["sections"]
    assert "need a card" in str(sections["graph"]["missing"])  # type: ignore[index]
    assert "nothing was compiled" in str(sections["compiled jobs"]["missing"])  # type: ignore[index]
    console = Console(width=180, record=True, file=io.StringIO())
    console.print(of_finisher(results))
    shown = console.export_text()
    for word in (
        "denoise_128x192",
        "tier Ω, full schedule",
        "orchestration",
        "graph:",
        "matrix product",
        "Expected",
    ):
        assert word in shown


def test_a_section_nobody_knows_is_refused() -> None:
    """With those that there are."""
    done = CliRunner().invoke(app, ["finisher", "--tiny", "--only", "magic"])
    assert done.exit_code == 2
    assert "mlperf" in done.output


class Sum(torch.nn.Module):
    """A network of two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 4)

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.layer(one) + other,)


@pytest.mark.slow
@pytest.mark.parametrize("column", ["eager", "compile", "aoti", "onnxruntime"])
@pytest.mark.filterwarnings("ignore")
def test_every_column_computes_the_same(column: str) -> None:
    """Up to rounding; compiling C++ takes most of a minute."""
    network, inputs = Sum().eval(), (torch.randn(2, 4), torch.randn(2, 4))
    with torch.no_grad():
        found = COLUMNS[column].prepare(network, inputs)(*inputs)
        torch.testing.assert_close(found, network(*inputs))


def test_the_sections_fit_into_a_lease() -> None:
    """Those that are wanted most, of 520 seconds; and each is explained."""
    needs = [part.needs for part in finisher.SECTIONS.values()]
    assert sum(needs[: list(finisher.SECTIONS).index("aoti") + 1]) <= 520
    assert all(part.work.__doc__ for part in finisher.SECTIONS.values())
