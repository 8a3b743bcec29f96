"""Who may use the service and on which terms: ``configs/tenants.yaml``, or the file that ``VFR_TENANTS`` names."""

from __future__ import annotations

import ipaddress
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr, ValidationError

from api.settings import Settings
from bridge.errors import ConfigError, Refused
from bridge.registry import Tier

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
"""Names are part of paths and labels: small letters, digits and hyphens."""

Price = Annotated[Decimal, Field(ge=0, max_digits=9, decimal_places=6)]
"""Of one finished picture, in the currency of the contract."""


class Entry(BaseModel):
    """The base of everything in the file: unknown fields are refused, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Plan(Entry):
    """What is sold."""

    prices: dict[Tier, Price] = Field(min_length=1)
    """Of a picture of each tier; a tier without a price is not part of the plan."""


class Limits(Entry):
    """How much of the service a tenant may take."""

    requests_per_minute: PositiveInt = 60
    """Refill of the tenant's bucket, which holds as much; a job takes from it what its tier costs."""

    jobs_per_month: PositiveInt | None = None
    """Jobs accepted in one calendar month (UTC); None: as many as come."""

    queued: PositiveInt = 100
    """Jobs that may wait at the same time."""


class Endpoint(Entry):
    """Where a tenant hears of its jobs."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+\S*$", max_length=2000)]
    secret_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    """The variable of the environment that holds the signing secret; the secret itself is never in the file."""

    def secret(self) -> SecretStr:
        """Return the signing secret.

        Raises:
            ConfigError: the variable is not set.
        """
        value = os.environ.get(self.secret_env)
        if not value:
            raise ConfigError(
                f"The webhook {self.url} is signed with {self.secret_env}, which is not set; set it to the "
                "secret (whsec_…) that you gave to the receiver, or remove the endpoint from the tenants' file."
            )
        return SecretStr(value)


class Tenant(Entry):
    """One customer."""

    id: Name
    plan: Name
    anonymous: bool = False
    """Whether callers without a key are this tenant; see :func:`serves_anonymous`."""

    admin: bool = False
    """Whether its keys may be given the scope ``admin``: weights, files of the server."""

    allow_external: bool = False
    """Whether its photos may be sent to providers outside of this system."""

    external_units_per_day: Annotated[float, Field(ge=0)] = 0.0
    """What may be spent at such providers in one day (UTC) [units of the provider]."""

    webhooks: tuple[Endpoint, ...] = ()
    bystanders: Literal["blur", "refuse", "allow"] = "blur"
    """What happens to the faces of people who are not dressed, before anything is stored."""

    keep_inputs: PositiveFloat = 24.0
    """How long uploaded photos are kept after their job ended [hours]."""

    keep_results: PositiveFloat = 30.0
    """How long results are kept [days]."""

    profile: str = "tier-S"
    """The thresholds that a picture must reach; a name in ``configs/pipeline.yaml``."""

    firebase_project: str | None = None
    """Users whom this Firebase project knows are users of this tenant."""

    hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$")], ...] = ()
    """Hosts that the address of a picture may name, exactly; empty: pictures are uploaded, never fetched."""

    limits: Limits = Limits()


class Tenants(Entry):
    """The whole file."""

    plans: dict[Name, Plan]
    tenants: tuple[Tenant, ...] = Field(min_length=1)

    def named(self, name: str) -> Tenant | None:
        """Return the tenant of an id, or None."""
        return next((tenant for tenant in self.tenants if tenant.id == name), None)

    def __getitem__(self, name: str) -> Tenant:
        """Return the tenant of an id that was known once.

        Raises:
            ConfigError: it is not in the file any more.
        """
        if not (tenant := self.named(name)):
            raise ConfigError(f"The tenant {name} is not in the tenants' file any more; add it there again.")
        return tenant

    @property
    def anonymous(self) -> Tenant | None:
        """Whoever callers without a key are."""
        return next((tenant for tenant in self.tenants if tenant.anonymous), None)

    @property
    def by_project(self) -> Mapping[str, Tenant]:
        """The tenants that have a Firebase project, by its name."""
        return {tenant.firebase_project: tenant for tenant in self.tenants if tenant.firebase_project}

    def price(self, tenant: Tenant, tier: Tier) -> Decimal:
        """Return what a picture of a tier costs a tenant.

        Raises:
            Refused: the tenant's plan does not include the tier.
        """
        prices = self.plans[tenant.plan].prices
        if tier not in prices:
            offered = ", ".join(known.value for known in Tier if known in prices)
            raise Refused(
                f"The plan {tenant.plan} does not include the tier {tier.value}; it includes {offered}."
            )
        return prices[tier]


def serves_anonymous(settings: Settings) -> bool:
    """Return whether a caller without a key may be the anonymous tenant: only this machine, or as it was set."""
    if settings.anonymous or settings.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(settings.host).is_loopback
    except ValueError:  # a name, which may mean any machine
        return False


@cache
def load_tenants(path: Path) -> Tenants:
    """Return what the file says; it is read once.

    Raises:
        ConfigError: it can't be read, or says something that can't be done; names the line and the field.
    """
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        root = loader.get_single_node()
        content = loader.construct_document(root) if root else None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} can't be read ({error}); VFR_TENANTS must name a tenants' file."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}. Please correct it there.") from error
    try:
        tenants = Tenants.model_validate(content)
    except ValidationError as error:
        faults = [f"{_where(path, root, fault['loc'])}: {fault['msg']}." for fault in error.errors()]
        raise ConfigError(f"{' '.join(faults)} configs/tenants.yaml explains every field.") from error
    for place, fault in _contradictions(tenants):
        raise ConfigError(f"{_where(path, root, place)}: {fault}")
    return tenants


Place = Sequence[int | str]
"""The way to a field: names and positions from the file's top."""


def _contradictions(tenants: Tenants) -> Iterable[tuple[Place, str]]:
    """Yield what no single field shows: the place and a sentence that says what to do."""
    ids = Counter(tenant.id for tenant in tenants.tenants)
    projects = Counter(tenant.firebase_project for tenant in tenants.tenants)
    for number, tenant in enumerate(tenants.tenants):
        place = ("tenants", number)
        if tenant.plan not in tenants.plans:
            known = ", ".join(tenants.plans)
            yield (*place, "plan"), f"there is no plan {tenant.plan}; choose one of {known}, or add it."
        if ids[tenant.id] > 1:
            yield (*place, "id"), f"the id {tenant.id} is taken; every tenant needs its own."
        if tenant.firebase_project and projects[tenant.firebase_project] > 1:
            yield (*place, "firebase_project"), "another tenant has this project; a user must belong to one."
        if tenant.anonymous and tenant.admin:
            yield (*place, "admin"), "who needs no key can't be admin; set admin: false, or anonymous: false."
        if tenant.anonymous and tenant != tenants.anonymous:
            yield (*place, "anonymous"), "another tenant is anonymous already; only one can be."


def _where(path: Path, root: yaml.Node | None, place: Place) -> str:
    """Return ``file, line 12, tenants.0.plan``: the line of the deepest part of the place that is in the file."""
    node = root
    line = 1
    for part in place:
        node = _child(node, part)
        if node is None:
            break
        line = node.start_mark.line + 1
    return f"{path}, line {line}, {'.'.join(str(part) for part in place) or 'the file'}"


def _child(node: yaml.Node | None, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        return node.value[part]
    return None
