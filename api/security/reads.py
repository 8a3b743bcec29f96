"""How often a tenant may ask for what is there already: jobs, events, pictures, its bill.

Unlike the rate of jobs this one is counted in the memory of each process: a row in the database that every look
changes would cost more than the look. So several processes together let several times as much through.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from api.security.tenants import Tenants
from bridge.errors import RateLimited

READS_EACH = 60
"""Requests that a tenant has for each basic job of its rate: a look a second, while a job takes a minute."""
_WINDOW = 60.0
"""What may come at once is what flows in within this time [s]."""


class Reads:
    """One per process. The generic cell rate algorithm (ITU-T I.371): of each tenant one moment is kept."""

    def __init__(self, tenants: Tenants, clock: Callable[[], float] = time.monotonic) -> None:
        """Count for tenants by a clock whose seconds never run backwards."""
        self._tenants, self._clock = tenants, clock
        self._paid: dict[str, float] = {}  # until when the tenant's reads so far use its rate up

    def take(self, tenant: str) -> None:
        """Count a read; those of a tenant that is not served any more are not limited, since it has no terms.

        Raises:
            RateLimited: the tenant reads too often; ``retry_after`` says when it may again.
        """
        if (known := self._tenants.named(tenant)) is None:
            return
        now, most = self._clock(), READS_EACH * known.limits.requests_per_minute
        paid = max(now, self._paid.get(tenant, now)) + _WINDOW / most
        if (wait := paid - now - _WINDOW) > 0:
            refusal = RateLimited(f"More than {most} reads came within a minute. Please ask less often.")
            refusal.retry_after = wait
            raise refusal
        self._paid[tenant] = paid
