"""What steps return and the database keeps: plain JSON, and errors as values.

A step's outcome is either ``{"ok": …}`` or ``{"error": {"code", "detail"}}``, where known with ``retry_after`` [s].
Control flow follows these values and never the class of an exception: one that is read back from the database is
another one than was raised.
"""

from __future__ import annotations

import json
from typing import Any

from dbos import Serializer

from bridge.errors import BY_CODE, InternalError, VfrError

Json = dict[str, Any]
_ERROR = "$error"


def ok(value: Any = True) -> Json:  # noqa: ANN401, FBT002 - any JSON value
    """Return the outcome of a step that went well."""
    return {"ok": value}


def error(fault: VfrError) -> Json:
    """Return the outcome of a step that did not."""
    told: Json = {"code": fault.code, "detail": str(fault)}
    return {"error": told | ({"retry_after": fault.retry_after} if fault.retry_after is not None else {})}


def fault_of(outcome: Json) -> VfrError | None:
    """Return the error of an outcome, None of one that went well."""
    if not (found := outcome.get("error")):
        return None
    fault = BY_CODE.get(found["code"], InternalError)(found["detail"])
    fault.retry_after = found.get("retry_after")
    return fault


class JsonSerializer(Serializer):
    """Keeps workflows' values as JSON: nothing that is read back can run, as a pickle could."""

    def serialize(self, data: object) -> str:
        """Return JSON.

        Raises:
            TypeError: the value is no JSON.
        """
        return json.dumps(data, default=_error, allow_nan=False)

    def deserialize(self, serialized_data: str) -> object:
        """Return the value; an exception comes back as the error of its code."""
        return json.loads(serialized_data, object_hook=_value)

    def name(self) -> str:
        """Return the name that DBOS keeps beside each value."""
        return "vfr_json"


def _error(value: object) -> Json:
    if isinstance(value, VfrError):
        return {_ERROR: value.code, "detail": str(value)}
    if isinstance(value, BaseException):  # DBOS's own, as of a workflow that was cancelled
        return {_ERROR: InternalError.code, "detail": f"{type(value).__name__}: {value}"}
    raise TypeError(f"{type(value).__name__} is no JSON")


def _value(found: Json) -> Json | VfrError:
    if _ERROR in found:
        return BY_CODE.get(found[_ERROR], InternalError)(found["detail"])
    return found
