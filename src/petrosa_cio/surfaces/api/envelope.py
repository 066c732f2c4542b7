"""The envelope of every answer, and what each error becomes in it."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Generic, Literal, TypeVar

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from petrosa_cio.errors import (
    CioError,
    Misconfigured,
    NeighbourRefused,
    NotAllowed,
    NotFound,
    NotInForceYet,
    NotKnown,
    RecordRefused,
    Rejected,
    RevisionConflict,
    ThoughtRejected,
    TooMany,
    TooSoon,
    Unavailable,
)

Data = TypeVar("Data")

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
"""The trace of the examples."""


class Told(BaseModel, Generic[Data]):
    """What is answered when all is well."""

    success: Literal[True] = Field(True, description="That it was done, or was found.")
    data: Data = Field(description="The answer.")
    error: None = Field(None, description="Nothing is wrong.")
    trace_id: str = Field(description="The trace of the call.", examples=[TRACE_ID])


class Unlock(BaseModel):
    """Who could have it done."""

    would_unlock: bool = Field(description="Whether approval by these roles would unlock it.")
    roles: list[str] = Field(
        description="The roles that may, or whose approval it takes.",
        examples=[["admin", "risk_officer"]],
    )


class Fault(BaseModel):
    """What is wrong."""

    code: str = Field(description="What is wrong, stable, for programs.", examples=["NOT_ALLOWED"])
    message: str = Field(description="The same for people.")
    problems: list[str] = Field(
        description="Every problem that was found, at once, a sentence each.", examples=[[]]
    )
    approval: Unlock | None = Field(
        None, description="Who could have it done, where it is a matter of roles or approval."
    )


class Refused(BaseModel):
    """What is answered when something is wrong."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "success": False,
                    "data": None,
                    "error": {
                        "code": "NOT_ALLOWED",
                        "message": "eve (viewer) may not resume trading; it takes one of: admin, "
                        "operator, risk_officer",
                        "problems": [],
                        "approval": {
                            "would_unlock": False,
                            "roles": ["admin", "operator", "risk_officer"],
                        },
                    },
                    "trace_id": TRACE_ID,
                }
            ]
        }
    )

    success: Literal[False] = Field(False, description="That it was not done.")
    data: None = Field(None, description="There is no answer.")
    error: Fault = Field(description="What is wrong.")
    trace_id: str = Field(description="The trace of the call.", examples=[TRACE_ID])


STATUSES: tuple[tuple[type[CioError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (NotKnown, HTTPStatus.UNAUTHORIZED),
    (NotAllowed, HTTPStatus.FORBIDDEN),
    (TooMany, HTTPStatus.TOO_MANY_REQUESTS),
    (TooSoon, HTTPStatus.TOO_MANY_REQUESTS),
    (NeighbourRefused, HTTPStatus.BAD_GATEWAY),
    (RevisionConflict, HTTPStatus.CONFLICT),
    (RecordRefused, HTTPStatus.CONFLICT),
    (Rejected, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ThoughtRejected, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Misconfigured, HTTPStatus.SERVICE_UNAVAILABLE),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""What each error is over HTTP, the first that fits."""

RETRY_S = 2
"""Seconds after which a dependency that was away may be back."""


def status_of(error: CioError) -> HTTPStatus:
    """Return what an error is over HTTP."""
    found = (status for kind, status in STATUSES if isinstance(error, kind))
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


def fault_of(error: CioError) -> Fault:
    """Return an error as it is told: nothing of servers, files or settings is in it."""
    match error:
        case NotInForceYet():
            message = (
                f"revision {error.revision} is stored for good and goes into force when Redis is "
                "back: do not ask for it again"
            )
        case Unavailable():
            message = f"{error.dependency} is away or too slow; nothing is known of the outcome"
        case Misconfigured():
            message = "this process is not set up for that: see its log"
        case _:
            message = str(error)
    problems = list(error.problems) if isinstance(error, Rejected) else []
    unlock = None
    if isinstance(error, NotAllowed) and error.roles:
        unlock = Unlock(would_unlock=error.waits, roles=list(error.roles))
    return Fault(code=error.code, message=message, problems=problems, approval=unlock)


def headers_of(error: CioError) -> dict[str, str]:
    """Return the headers that go with an error."""
    if isinstance(error, TooMany | TooSoon):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, NotKnown):
        return {"WWW-Authenticate": 'Bearer realm="petrosa-cio"'}
    if isinstance(error, Unavailable) and not isinstance(error, NotInForceYet):
        return {"Retry-After": str(RETRY_S)}
    return {}


def refused(
    status: int,
    fault: Fault,
    trace_id: str,
    headers: Mapping[str, str] | None = None,
    *,
    detail: Mapping[str, object] | None = None,
) -> JSONResponse:
    """Return the answer that something is wrong; with a detail for those who look for one."""
    content = Refused(error=fault, trace_id=trace_id).model_dump(mode="json")
    if detail is not None:
        content["detail"] = detail
    return JSONResponse(content, status, dict(headers or {}))


MEANINGS = {
    400: "The body cannot be read.",
    401: "Nobody knows who asks: no token, or none that counts.",
    403: "The role may not, or not alone; `approval` says who could.",
    404: "It is not there.",
    405: "There is no such method here.",
    408: "The body came too slowly.",
    409: "Another change came between.",
    413: "The body is too large.",
    422: "What is asked for makes no sense, or may not be; `problems` has all of it.",
    429: "Too many questions or changes, too many long ones at once, or a neighbour's settings "
    "changed too soon; see `Retry-After`.",
    500: "A fault of the program: it is in its log under the trace.",
    502: "A neighbour refuses; the message says why in its own words.",
    503: "A server that this needs is away or too slow; see `Retry-After`.",
    504: "It took longer than a question may.",
}
"""What each status means."""

ALWAYS = (400, 401, 403, 408, 413, 422, 429, 500, 503, 504)
"""Statuses that every route may answer."""


def responses(more: Sequence[int] = ()) -> dict[int | str, dict[str, Any]]:
    """Return the error answers of a route, for OpenAPI."""
    retry = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
    return {
        status: {
            "model": Refused,
            "description": MEANINGS[status],
            **({"headers": retry} if status == HTTPStatus.TOO_MANY_REQUESTS else {}),
        }
        for status in sorted({*ALWAYS, *more})
    }
