"""The command line as a stranger meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from fastapi.dependencies.utils import get_dependant
from skimage.data import astronaut
from typer.testing import CliRunner, Result

from api.cli import app
from api.fitting import CHOICES
from api.routes.forms import wishes
from benchmarks.inputs import drawn
from bridge.checkout import REPOSITORY
from bridge.contracts import KNOWN
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import encode_image
from bridge.registry.finisher import MISSING
from bridge.triton.embedded import EmbeddedTriton

NOBODY = "127.0.0.1:1"  # no server listens on this port


def vfr(*words: str | Path) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(word) for word in words], prog_name="vfr")


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, Path]:
    """A person's photo and a garment's."""
    person, garment = tmp_path / "me.png", tmp_path / "sweater.png"
    person.write_bytes(encode_image(astronaut()))
    garment.write_bytes(drawn("sweater"))
    return person, garment


def test_a_person_is_dressed(triton: EmbeddedTriton, photos: tuple[Path, Path], tmp_path: Path) -> None:
    """The file has the format of its name, the report goes to standard output, words to people go elsewhere."""
    out = tmp_path / "out.jpg"
    done = vfr("tryon", *photos, "-o", out, "--json", "--seed", "5", "--server", triton.url)
    assert done.exit_code == 0, done.output
    assert out.read_bytes()[:3] == b"\xff\xd8\xff"
    assert decode_image(out.read_bytes()).shape == (512, 512, 3)
    report = json.loads(done.stdout)
    assert (report["category"], report["seed"]) == ("upper", 5)
    assert f"Wrote {out}" in done.stderr


def test_parse_draws(triton: EmbeddedTriton, photos: tuple[Path, Path], tmp_path: Path) -> None:
    """A picture to look at."""
    out = tmp_path / "seen.png"
    assert vfr("parse", photos[0], "-o", out, "--server", triton.url).exit_code == 0
    assert decode_image(out.read_bytes()).shape == (512, 512, 3)


def test_what_cannot_be_used_is_one_sentence(triton: EmbeddedTriton, photos: tuple[Path, Path]) -> None:
    """A typed error is exit status 1 and a sentence that names the picture, never a traceback."""
    photos[0].write_bytes(b"hello")
    done = vfr("tryon", *photos, "-o", photos[0].with_name("out.png"), "--server", triton.url)
    assert done.exit_code == 1
    assert "The person's photo can't be used." in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.skipif((REPOSITORY / "finish/1/layout.json").exists(), reason="a checkpoint is installed here")
def test_the_finisher_says_what_it_lacks(triton: EmbeddedTriton, photos: tuple[Path, Path]) -> None:
    """Without weights Triton's own sentence arrives: what to fetch, under which licence, and how to install it."""
    words = ("tryon", *photos, "-o", photos[0].with_name("out.png"), "--tier", "pro", "--server", triton.url)
    done = vfr(*words)
    assert done.exit_code == 1
    assert MISSING in done.stderr


def test_settings_of_the_finisher_are_json(photos: tuple[Path, Path]) -> None:
    """Anything else is refused before a server is asked."""
    done = vfr("tryon", *photos, "--tier", "pro", "--finisher", "steps=30", "--server", NOBODY)
    assert (done.exit_code, "must be a JSON object" in done.stderr) == (1, True)


def test_a_server_that_is_not_there_is_said_so(photos: tuple[Path, Path]) -> None:
    """The sentence holds the address."""
    done = vfr("tryon", *photos, "-o", photos[0].with_name("out.png"), "--server", NOBODY)
    assert done.exit_code == 1
    assert NOBODY in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize("field", [name for name in CHOICES if CHOICES[name].most is not None])
def test_limits_are_those_of_the_forms(photos: tuple[Path, Path], field: str) -> None:
    """One more, or one less, than may be said is refused before anything is done, as REST describes it."""
    described = {one.name: one.field_info.metadata for one in get_dependant(path="", call=wishes).body_params}
    limits = {type(limit).__name__: limit for limit in described[field]}
    assert (limits["Ge"].ge, limits["Le"].le) == (CHOICES[field].least, CHOICES[field].most)
    for beyond in (limits["Ge"].ge - 1, limits["Le"].le + 1):
        option = f"--{field.replace('_', '-')}"
        done = vfr("tryon", *photos, option, str(beyond), "--server", NOBODY)
        assert (done.exit_code, option in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["tryon", "PERSON", "GARMENT", "-o", "out.gif"], ".webp"),
        (["tryon", "PERSON", "GARMENT", "-o", "no/such/folder/out.png"], "does not exist"),
        (["tryon", "nobody.jpg", "GARMENT"], "nobody.jpg"),
        (["tryon", "PERSON", "GARMENT", "--category", "hat"], "upper"),
        (["tryon", "PERSON", "GARMENT", "--seed", "-3"], "--seed"),
        (["tryon"], "Missing argument"),
        (["dance"], "dance"),
    ],
)
def test_wrong_words_are_a_matter_of_usage(photos: tuple[Path, Path], words: list[str], hint: str) -> None:
    """Exit status 2 before anything starts, and what is wrong."""
    named = {"PERSON": str(photos[0]), "GARMENT": str(photos[1])}
    done = vfr(*(named.get(word, word) for word in words))
    assert done.exit_code == 2
    assert hint in done.stderr.replace("\n", "").replace("│", "")


@pytest.mark.parametrize("command", ["", "tryon", "parse", "serve", "models"])
def test_help_teaches(command: str) -> None:
    """Every command explains itself, those that take photos by example."""
    done = vfr(*[word for word in (command, "--help") if word])
    assert done.exit_code == 0
    assert "vfr" in done.stdout
    if command in {"tryon", "parse", "serve"}:
        assert f"vfr {command} " in re.sub(r"Usage:.*", "", done.stdout)


def test_models_lists_all() -> None:
    """Every model that there may be, with its state and licence."""
    rows = json.loads(vfr("models", "--json").stdout)
    assert {row["name"] for row in rows} == set(KNOWN)
    assert "Apache-2.0" in vfr("models").stdout


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, None)])
def test_serve_answers_and_stops(triton: EmbeddedTriton, sent: signal.Signals, status: int | None) -> None:
    """On a server that runs already, it says where it listens, answers there, and ends when it is told to."""
    command = [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--triton-url", triton.url]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"}
    )
    try:
        assert process.stderr is not None
        found = re.search(r"http://[\d.]+:\d+", process.stderr.readline())
        assert found is not None
        with httpx2.Client(transport=httpx2.HTTPTransport(retries=8)) as caller:  # until it listens
            assert caller.get(f"{found[0]}/healthz").json() == {"status": "ok"}
        process.send_signal(sent)
        ended = process.wait(15)
        said = process.stderr.read()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert "Traceback" not in said
    assert status is None or ended == status


def test_a_taken_port_is_said_so(triton: EmbeddedTriton) -> None:
    """In words, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = vfr("serve", "--port", str(port), "--triton-url", triton.url)
    assert done.exit_code == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
