"""The tenants' file: what it may say, and how it is told when it says something else."""

from decimal import Decimal
from pathlib import Path

import pytest

from api.security.tenants import Endpoint, load_tenants, serves_anonymous
from api.settings import Settings
from bridge.checkout import CONFIGS
from bridge.errors import ConfigError, Refused
from bridge.registry import Tier

GOOD = """\
plans:
  payg: {prices: {basic: 0.02, pro: 0.08}}
tenants:
  - id: local
    plan: payg
    anonymous: true
  - id: lumen
    plan: payg
    firebase_project: lumen
    keep_inputs: 2
"""


def written(folder: Path, text: str) -> Path:
    """Write a tenants' file."""
    path = folder / "tenants.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_that_comes_along_needs_no_set_up() -> None:
    """One tenant, whom callers without a key are, no admin, and every tier has a price."""
    tenants = load_tenants(CONFIGS / "tenants.yaml")
    assert tenants.anonymous is tenants.named("local")
    assert [(tenant.id, tenant.admin, tenant.allow_external) for tenant in tenants.tenants] == [
        ("local", False, False)
    ]
    assert tenants.price(tenants.tenants[0], Tier.ULTRA) == Decimal("0.25")
    assert set(tenants.plans) == {"payg", "basic", "pro", "ultra"}


def test_the_example_can_be_used_as_it_is() -> None:
    """It loads, nobody is anonymous in it, and only the operators are admin."""
    tenants = load_tenants(CONFIGS / "tenants-example.yaml")
    assert tenants.anonymous is None
    assert [tenant.id for tenant in tenants.tenants if tenant.admin] == ["operations"]
    assert set(tenants.by_project) == {"lumen-dashboard"}
    assert tenants["atelier"].profile == "strict"
    assert tenants.named("nobody") is None
    with pytest.raises(ConfigError, match="nobody is not in the tenants' file any more"):
        tenants["nobody"]


def test_prices_are_exact_and_bound_to_the_plan(tmp_path: Path) -> None:
    """A price is the number that was written; a tier outside of the plan is refused with those inside."""
    tenants = load_tenants(written(tmp_path, GOOD))
    lumen = tenants.tenants[1]
    assert tenants.price(lumen, Tier.PRO) == Decimal("0.08")
    with pytest.raises(Refused, match=r"payg does not include the tier ultra; it includes basic, pro\."):
        tenants.price(lumen, Tier.ULTRA)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "plan: payg\n    firebase",
            "plan: gold\n    firebase",
            r"line 8, tenants\.1\.plan: there is no plan gold",
        ),
        ("id: lumen", "id: local", r"line 4, tenants\.0\.id: the id local is taken"),
        ("id: lumen", "id: ../etc", r"line 7, tenants\.1\.id: String should match"),
        ("keep_inputs: 2", "keep_inputs: -2", r"line 10, tenants\.1\.keep_inputs: .* greater than 0"),
        ("keep_inputs: 2", "kept: 2", r"line 10, tenants\.1\.kept: Extra inputs"),
        ("keep_inputs: 2", "anonymous: true", r"line 10, tenants\.1\.anonymous: another tenant is anonymous"),
        (
            "anonymous: true",
            "anonymous: true\n    admin: true",
            r"line 7, tenants\.0\.admin: who needs no key",
        ),
        ("anonymous: true", "firebase_project: lumen", r"tenants\.0\.firebase_project: another tenant has"),
        (
            "basic: 0.02",
            "basic: free",
            r"line 2, plans\.payg\.prices\.basic: Input should be a valid decimal",
        ),
        ("basic: 0.02", "gold: 1", r"line 2, plans\.payg\.prices\.gold"),
        ("keep_inputs: 2", "hosts: ['*']", r"line 10, tenants\.1\.hosts\.0: String should match"),
        ("keep_inputs: 2", "keep_inputs: [", r"is not YAML: .*line 11"),
        (GOOD, "", r"line 1, the file: Input should be a valid dictionary"),
        (GOOD, "plans: {}", r"line 1, tenants: Field required"),
    ],
)
def test_a_wrong_file_names_the_line_and_the_field(tmp_path: Path, old: str, new: str, words: str) -> None:
    """The start stops with the file, the line, the field, and what is wrong there."""
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=rf"(?s){path}.*{words}"):
        load_tenants(path)


def test_a_missing_file_is_told_with_the_variable(tmp_path: Path) -> None:
    """Whoever mistyped ``VFR_TENANTS`` is told so."""
    with pytest.raises(ConfigError, match="VFR_TENANTS must name"):
        load_tenants(tmp_path / "none.yaml")


def test_a_webhook_without_its_secret_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret comes from the environment, and is never shown."""
    endpoint = Endpoint(url="https://hooks.example/x", secret_env="LUMEN_SECRET")  # noqa: S106 - a variable's name
    with pytest.raises(ConfigError, match="LUMEN_SECRET, which is not set"):
        endpoint.secret()
    monkeypatch.setenv("LUMEN_SECRET", "whsec_abc")
    assert endpoint.secret().get_secret_value() == "whsec_abc"
    assert "abc" not in repr(endpoint.secret())


@pytest.mark.parametrize(
    ("host", "served"),
    [
        *[("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True)],
        *[("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("fit.example", False)],  # noqa: S104
    ],
)
def test_strangers_are_served_on_this_machine_alone(host: str, *, served: bool) -> None:
    """Unless the operator says otherwise."""
    assert serves_anonymous(Settings(host=host)) is served
    assert serves_anonymous(Settings(host=host, anonymous=True))
