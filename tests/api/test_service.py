"""The rest of the service: perception, health, metrics, problems, its page and its description."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.schemas import ParseAnswer
from bridge.errors import BY_CODE, ServerUnavailable
from bridge.imaging.decode import decode_image
from tests.api.scripted import ScriptedTriton, app_on, photo


def test_parse_shows_a_picture(rest: TestClient) -> None:
    """Who asks for nothing special gets something to look at."""
    reply = rest.post("/v1/parse", files={"photo": photo()})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
    assert decode_image(reply.content).shape == (200, 160, 3)


def test_parse_tells_points_and_masks(rest: TestClient) -> None:
    """As JSON: the three sets of points by name, and a mask for every label that occurs."""
    reply = rest.post("/v1/parse", files={"photo": photo()}, headers={"Accept": "application/json"})
    answer = ParseAnswer.model_validate(reply.json())
    assert answer.size == (160, 200)
    assert [len(answer.coco17), len(answer.body25), len(answer.blazepose33)] == [17, 25, 33]
    assert answer.coco17[5].name == "left_shoulder"
    assert answer.body25[8].name == "mid_hip"
    assert set(answer.masks) == {"hair", "dress", "matte"}
    hair = decode_image(base64.b64decode(answer.masks["hair"].base64))
    assert (hair[:100] == 255).all()
    assert not hair[100:].any()


def test_parse_refuses_what_is_no_picture(rest: TestClient) -> None:
    """The same errors as everywhere."""
    reply = rest.post("/v1/parse", files={"photo": b"hello"})
    assert (reply.status_code, reply.json()["code"]) == (415, "not_an_image")


def test_parse_shows_triton_nothing_but_pixels(rest: TestClient, scripted: ScriptedTriton) -> None:
    """What was glued behind a photo stays behind, as it does in a job."""
    rest.post("/v1/parse", files={"photo": photo(form="JPEG") + b"PK and a web page"})
    (asked,) = scripted.asked
    assert (decode_image(asked["photo"][0]) == decode_image(photo(form="JPEG"))).all()
    assert b"web page" not in asked["photo"][0]


def test_parse_takes_from_the_rate(tmp_path: Path, scripted: ScriptedTriton) -> None:
    """As much as a job of the basic tier: eight at once, where one may come in a minute."""
    terms = "{id: few, plan: payg, anonymous: true, limits: {requests_per_minute: 1}}"
    (tmp_path / "tenants.yaml").write_text(f"plans: {{payg: {{prices: {{basic: 1}}}}}}\ntenants: [{terms}]\n")
    with TestClient(app_on(scripted, tenants=tmp_path / "tenants.yaml")) as caller:
        replies = [caller.post("/v1/parse", files={"photo": photo()}) for _ in range(9)]
    assert [reply.status_code for reply in replies] == [200] * 8 + [429]
    assert int(replies[-1].headers["Retry-After"]) > 50
    assert scripted.calls == 8


def test_health_does_not_ask_triton(rest: TestClient) -> None:
    """The process is alive, whatever its server does."""
    assert rest.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("failing", ["", "its weights are missing"])
def test_readiness_names_every_model(failing: str) -> None:
    """Ready only when every model is; what is wrong is said in words."""
    with TestClient(app_on(ScriptedTriton(failing=failing))) as caller:
        reply = caller.get("/readyz")
    assert reply.status_code == (503 if failing else 200)
    found = reply.json()
    models = {"warp": "ready", "face": failing or "ready", "text_encode": "ready"}
    assert (found["ready"], found["models"]) == (not failing, models)
    assert found["parts"]["triton"] == ("not ready: face" if failing else "ready")
    assert set(found["tiers"].values()) == {found["parts"]["triton"]}


class DownTriton:
    """Nobody answers."""

    async def ready(self) -> bool:
        return False

    async def model_statuses(self) -> None:
        raise ServerUnavailable("Triton does not answer.")

    statistics = infer = weights = model_statuses


def test_a_server_that_is_down() -> None:
    """Readiness says so; the metrics go on and say so too."""
    with TestClient(app_on(DownTriton())) as caller:
        assert caller.get("/readyz").json()["parts"]["triton"] == "Triton does not answer."
        assert caller.get("/readyz").status_code == 503
        assert "vfr_triton_up 0.0" in caller.get("/metrics").text


def test_metrics_count_requests_failures_and_stages(rest: TestClient) -> None:
    """Latency by route and status, failures by code, and the stages by Triton's own account."""
    rest.post("/v1/tryon", files={"person": photo(), "garment": photo()})
    rest.post("/v1/tryon", files={"person": b"hello", "garment": photo()})
    rest.get("/no/such/place/1")
    reply = rest.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    for line in (
        'vfr_request_seconds_count{route="/v1/tryon",status="200"} 1.0',
        'vfr_request_seconds_count{route="other",status="404"} 1.0',
        'vfr_failures_total{code="not_an_image",route="/v1/tryon"} 1.0',
        'vfr_stage_seconds_count{model="warp"} 1.0',
        'vfr_stage_seconds_sum{model="idle"} 1.0',
        "vfr_triton_up 1.0",
    ):
        assert line in reply.text.splitlines()


def test_every_problem_is_explained(rest: TestClient) -> None:
    """The list holds every code, and the page that a problem's type names exists."""
    kinds = rest.get("/problems").json()
    assert {kind["code"] for kind in kinds} == set(BY_CODE)
    for kind in kinds:
        assert rest.get(f"/problems/{kind['code']}").json() == kind
    assert rest.get("/problems/nonsense").json()["code"] == "not_found"


@pytest.mark.parametrize(("given", "kept"), [("order-7.b", True), ("x" * 65, False), ("a b\tc", False)])
def test_the_request_id_is_the_callers_where_it_is_sane(rest: TestClient, given: str, *, kept: bool) -> None:
    """A caller's own id comes back; anything odd is replaced."""
    found = rest.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"]
    assert (found == given) == kept
    assert found


def test_the_page_needs_nothing_from_elsewhere(rest: TestClient) -> None:
    """One file, no address of another host, under a policy that forbids any."""
    reply = rest.get("/")
    assert reply.headers["content-type"].startswith("text/html")
    assert "//" not in reply.text.replace("://www.w3.org", "")
    assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_the_description_is_complete(rest: TestClient) -> None:
    """OpenAPI lists the routes, their problems and an example for every field that a program reads."""
    spec = rest.get("/openapi.json").json()
    assert {"/v1/tryon", "/v1/parse", "/healthz", "/readyz", "/metrics", "/problems"} <= spec["paths"].keys()
    tryon = spec["paths"]["/v1/tryon"]["post"]
    assert {"200", "400", "401", "403", "406", "408", "413", "415", "422", "429", "503"} == tryon[
        "responses"
    ].keys()
    assert "application/problem+json" in tryon["responses"]["422"]["content"]
    assert {"application/json", "image/png", "image/webp"} <= tryon["responses"]["200"]["content"].keys()
    for name in ("Report", "Keypoint", "Problem"):
        for field in spec["components"]["schemas"][name]["properties"].values():
            assert "description" in field or "examples" in field


def test_importing_the_app_does_and_loads_nothing() -> None:
    """In a fresh interpreter no model library comes with the API, and no app is made."""
    heavy = [
        "torch",
        "onnxruntime",
        "onnx",
        "ai_edge_litert",
        "export",
        "bridge.perception",
        "bridge.warp",
        "pytriton",
        "opentelemetry.sdk",
    ]
    code = f"import sys, api.app; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert found.strip() == "[]"
