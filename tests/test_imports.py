"""What may be imported where, and how little a model's file may hold."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENTRIES = sorted(ROOT.glob("model_repository/*/1/model.py"))
HEAVY = {"torch", "taichi", "onnxruntime", "onnx", "ai_edge_litert", "skimage", "matplotlib", "scipy"}


def loaded_by(module: str) -> set[str]:
    """Import a module in a fresh interpreter and return the top-level modules that came along."""
    code = f"import sys, {module}; sys.stdout.write(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["api.app", "api.cli", "bridge.triton.client", "bridge.triton.embedded"])
def test_the_service_loads_no_model_library(module: str) -> None:
    """Not directly, and not through a friend; the export tools stay away too."""
    assert not loaded_by(module) & (HEAVY | {"export", "benchmarks"})


def test_the_embedded_server_loads_nothing_of_the_wheel() -> None:
    """Only the wheel's binaries are used; its Python would bring a web server along."""
    assert "pytriton" not in loaded_by("bridge.triton.embedded")


def test_the_export_tools_are_there_at_once() -> None:
    """What a command computes with is loaded when that command runs."""
    assert not loaded_by("export.__main__") & (HEAVY | {"diffusers", "transformers", "tritonclient", "yaml"})


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.parts[-3])
def test_an_entry_point_only_names_and_loads(path: Path) -> None:
    """At most 60 lines, at most one package of bridge beside contracts and triton, else only numpy."""
    text = path.read_text()
    tree = ast.parse(text)
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    packages = {".".join(name.split(".")[:2]) for name in modules - {"__future__", "numpy"}}
    assert len(text.splitlines()) <= 60
    assert all(package.startswith("bridge.") for package in packages)
    assert len(packages - {"bridge.contracts", "bridge.triton"}) <= 1


def test_there_are_entry_points() -> None:
    """The test above has something to look at."""
    assert len(ENTRIES) >= 12
