"""More at once than may wait."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.api.jobs.shop import FILES, World, opened
from tests.api.jobs.stage import Stage


def test_a_limit_holds_for_those_who_come_together(world: World, database_url: str) -> None:
    """Of eight at once one is taken, where one may wait; the others are told when to come again."""
    with opened(world, Stage(), database_url, role="api") as shop:

        def send(seed: int) -> tuple[int, bool]:
            reply = shop.ask("POST", "/v1/jobs", "small", files=FILES, data={"seed": str(seed)})
            return reply.status_code, "retry-after" in reply.headers

        with ThreadPoolExecutor(8) as together:
            assert Counter(together.map(send, range(8))) == {(202, False): 1, (429, True): 7}
