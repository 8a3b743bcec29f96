"""``GET /v1/usage``."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api.problems import described
from api.schemas import Answer
from api.security import quotas, usage
from api.security.caller import Calling
from api.security.usage import Sum
from api.service import Serving
from bridge.registry import Tier

router = APIRouter(tags=["account"])

PROBLEMS = described(
    {
        401: "no key or token came along, or one that is not valid",
        403: "the key lacks the scope read",
        422: "`month` is not of the form 2026-11",
        429: "it is asked for too often; `Retry-After` says when to come again",
        503: "the database is down",
    }
)

Month = Annotated[
    str | None,
    Query(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", description="such as 2026-11 (UTC); the current one"),
]


class TierUsage(Answer):
    """What was used of one tier."""

    tier: Tier = Field(examples=["basic"])
    jobs: int = Field(description="pictures that were delivered", examples=[412])
    attempts: int = Field(description="pictures that were made for them", examples=[430])
    provider_units: float = Field(description="spent at providers outside, in their units", examples=[0.0])
    price: Decimal = Field(description="in the currency of the contract, exact", examples=["8.24"])


class UsageAnswer(Answer):
    """What was used in one month."""

    tenant: str = Field(examples=["lumen"])
    plan: str = Field(examples=["payg"])
    month: str = Field(examples=["2026-11"])
    jobs_accepted: int | None = Field(
        description="what the quota counts; null for users who signed in: it is the tenant's", examples=[431]
    )
    jobs_per_month: int | None = Field(
        description="the quota; null: none, or the caller is a user who signed in", examples=[20000]
    )
    tiers: list[TierUsage]
    price: Decimal = Field(description="of all tiers together", examples=["8.24"])


@router.get("/v1/usage", summary="What was used in a month", responses=PROBLEMS)
async def show(service: Serving, caller: Calling, month: Month = None) -> UsageAnswer:
    """Sum up the delivered pictures by tier. Who signed in sees their own; a key sees the tenant's."""
    chosen = month or quotas.month_of(time.time())
    tenant = caller.tenant
    sums, accepted = await service.room.database.read(
        lambda connection: (
            usage.sums(connection, tenant.id, chosen, caller.user),
            quotas.counted(connection, tenant, chosen),
        )
    )
    return UsageAnswer(
        tenant=tenant.id,
        plan=tenant.plan,
        month=chosen,
        jobs_accepted=None if caller.user else accepted,
        jobs_per_month=None if caller.user else tenant.limits.jobs_per_month,
        tiers=[_tier(row) for row in sums],
        price=sum((row.price for row in sums), Decimal(0)),
    )


def _tier(row: Sum) -> TierUsage:
    return TierUsage(
        tier=row.tier,
        jobs=row.jobs,
        attempts=row.attempts,
        provider_units=row.provider_units,
        price=row.price,
    )
