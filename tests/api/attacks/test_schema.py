"""Schemathesis reads the service's own description and asks all that it allows, and much that it does not."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from api.app import create_app
from api.settings import Settings
from tests.api.attacks.conftest import House
from tests.api.scripted import photo

EXAMPLES = 10
"""Of each route, and of each of what it allows and what it does not."""
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(create_app(Settings()).openapi())
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
ANYTHING = {"GET /v1/results/{token}"}
"""Routes whose every field may be any text: no question to them is wrong."""
ASKED = [(name, GenerationMode.POSITIVE) for name in OPERATIONS] + [
    (name, GenerationMode.NEGATIVE)
    for name, one in OPERATIONS.items()
    if name not in ANYTHING and any((one.body, one.query, one.headers, "{user}" in name))
]


@pytest.mark.parametrize(("name", "mode"), ASKED)
def test_what_is_described_is_what_happens(house: House, name: str, mode: GenerationMode) -> None:
    """Whatever is asked, nothing breaks, and every answer is one that the description knows."""
    key = house.keys["admin" if "artifacts" in name else "acme"]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[name].as_strategy(mode), real=st.booleans())
    def ask(case: Case, real: bool) -> None:
        if mode is GenerationMode.POSITIVE and real and isinstance(case.body, dict):
            case.body |= {field: photo() for field in ("person", "garment", "photo") if field in case.body}
        case.call_and_validate(
            base_url=f"http://127.0.0.1:{house.port}",
            headers={"Authorization": f"Bearer {key}"},
            checks=CHECKS + [checks.negative_data_rejection] * (mode is GenerationMode.NEGATIVE),
            timeout=20,
        )

    ask()
