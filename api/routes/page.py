"""``/``: a page for people, to try the service with two photos."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter()
PAGE = Path(__file__).parent.parent / "page.html"
# The page needs nothing but itself and this service; a picture may come from the visitor's disk (blob:).
POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' blob: data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


@router.get("/", include_in_schema=False)
async def page() -> HTMLResponse:
    """Show the page."""
    return HTMLResponse(PAGE.read_text("utf-8"), headers={"Content-Security-Policy": POLICY})
