"""What the README promises works as it is written there."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from skimage.data import astronaut
from standardwebhooks import WebhookVerificationError

from api.app import create_app
from api.cli import app
from api.providers.settings import GeminiSettings, KlingSettings
from api.settings import Settings
from api.webhooks.standard import new_secret, sign
from benchmarks.__main__ import app as workshop
from benchmarks.inputs import drawn
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import Format, encode_image
from bridge.triton import memo
from bridge.triton.embedded import EmbeddedTriton

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_client_runs(triton: EmbeddedTriton, tmp_path: Path) -> None:
    """The gRPC example, copied out and run with nothing else, writes the picture and prints the scores."""
    example, _ = blocks("python")
    assert len(example.splitlines()) <= 30
    (tmp_path / "client.py").write_text(example.replace("localhost:8001", triton.url))
    (tmp_path / "person.jpg").write_bytes(encode_image(astronaut(), Format.JPEG))
    (tmp_path / "garment.jpg").write_bytes(drawn("sweater"))
    done = subprocess.run(
        [sys.executable, "client.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert decode_image((tmp_path / "worn.jpg").read_bytes()).shape == (512, 512, 3)
    assert "'protected_identity'" in done.stdout


def test_its_receiver_of_webhooks_believes_us_alone() -> None:
    """The lines, copied out, take what we sign and nothing that was changed on its way."""
    secret = new_secret()
    lines: dict[str, Any] = {}
    exec(blocks("python")[1].replace("whsec_…", secret.get_secret_value()), lines)  # noqa: S102 - our own README
    body = b'{"type": "job.done"}'
    headers = sign([secret], "msg_1", time.time(), body)
    assert lines["received"](headers, body) == {"type": "job.done"}
    for changed in (sign([new_secret()], "msg_1", time.time(), body), sign([secret], "msg_1", 1e9, body)):
        with pytest.raises(WebhookVerificationError):
            lines["received"](changed, body)


def test_it_names_every_field() -> None:
    """The table of fields and the description say the same."""
    paths = create_app(Settings()).openapi()
    body = paths["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    fields = paths["components"]["schemas"][body["$ref"].rpartition("/")[2]]["properties"]
    table = " ".join(re.findall(r"^\|(.*?)\|", README, re.MULTILINE))
    assert fields.keys() <= set(re.findall(r"`(\w+)`", table))


def test_its_variables_exist() -> None:
    """Every variable of the environment that it names is read."""
    known = {f"VFR_{name.upper()}" for name in Settings.model_fields} | {"VFR_BODY", memo.SECONDS}
    known |= {f"KLING_{name.upper()}" for name in KlingSettings.model_fields}
    known |= {f"GEMINI_{name.upper()}" for name in GeminiSettings.model_fields}
    assert set(re.findall(r"\b(?:VFR|KLING|GEMINI)_[A-Z_]+", README)) <= known


def test_its_commands_exist() -> None:
    """Every `make` target and every `vfr` command that it names."""
    text = "\n".join([*blocks("sh"), *re.findall(r"`([^`\n]+)`", README)])
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = {command.callback.__name__ for command in app.registered_commands if command.callback}
    commands |= {group.name for group in app.registered_groups if group.name}
    named = set(re.findall(r"\bmake ([a-z][a-z0-9-]*)", text))
    assert {"demo", "test"} <= named <= targets
    assert {"tryon", "serve", "worker"} <= set(re.findall(r"\bvfr ([a-z]+)", text)) <= commands
    named = set(re.findall(r"python -m benchmarks ([a-z0-9]+)", text))
    assert (
        {"jobs"} <= named <= {one.callback.__name__ for one in workshop.registered_commands if one.callback}
    )


def test_its_files_exist() -> None:
    """Every file that it links to; its picture is small."""
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
    assert (ROOT / ".github" / "picture.jpg").stat().st_size <= 200_000


@pytest.mark.parametrize(
    "file", ["README.md", "requirements.txt", "pyproject.toml", "Makefile", ".ci/environment"]
)
def test_no_address_of_a_machine_or_an_index(file: str) -> None:
    """Pins need no address, and nobody else has our folders."""
    text = (ROOT / file).read_text("utf-8")
    assert not re.search(
        r"pypi\.org|pythonhosted|file://|--index-url|--find-links|(?<![\w.])/(work|root|opt)/", text
    )
