"""Tells alerts to an address over HTTP, signed.

The signature is HMAC-SHA256, under a secret that both ends know, over the time of the try in epoch
seconds, a full stop, and the body. So a receiver knows who sent it, that nobody changed it, and,
by refusing old times, that nobody sends it again.
"""

import asyncio
import hmac
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import httpx2

from petrosa_cio.errors import Misconfigured, Problem, Unavailable
from petrosa_cio.ports import WaitingAlert

TIMEOUT_S: Final = 5.0
ID_HEADER: Final = "Cio-Webhook-Id"
TIME_HEADER: Final = "Cio-Webhook-Timestamp"
SIGNATURE_HEADER: Final = "Cio-Webhook-Signature"


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return what stands in the header of the signature.

    Args:
        secret: What both ends know.
        timestamp: Time of the try, as it stands in its header.
        body: The body, as it is sent.
    """
    signed = timestamp.encode("ascii") + b"." + body
    return "v1=" + hmac.new(secret, signed, "sha256").hexdigest()


class WebhookHttp:
    """One address that wants to be told.

    Args:
        client: From `open_webhook`.
        url: The address.
        secret: What both ends know.
        clock: The time.
        timeout_s: Longest time for one try.
    """

    def __init__(
        self,
        client: httpx2.AsyncClient,
        url: str,
        secret: bytes,
        *,
        clock: Callable[[], datetime],
        timeout_s: float,
    ) -> None:
        self._client = client
        self._url = url
        self._secret = secret
        self._clock = clock
        self._timeout_s = timeout_s

    async def tell(self, alert: WaitingAlert) -> None:
        """Tell an alert once. What the receiver says beside its status is not read.

        Raises:
            Unavailable: The receiver is away, slow, or answers with another status than 2xx.
        """
        body, timestamp = alert.body.encode(), str(int(self._clock().timestamp()))
        headers = {
            "content-type": "application/json",
            ID_HEADER: alert.alert_id,
            TIME_HEADER: timestamp,
            SIGNATURE_HEADER: signature(self._secret, timestamp, body),
        }
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream("POST", self._url, content=body, headers=headers) as answer,
            ):
                status = answer.status_code
        except (TimeoutError, httpx2.HTTPError) as error:
            seen = f"{type(error).__name__}: {error}".rstrip(": ")
            raise Unavailable("webhook", seen[:200]) from error
        if not httpx2.codes.is_success(status):
            raise Unavailable("webhook", f"expected a status of 2xx, was {status}")


@asynccontextmanager
async def open_webhook(
    url: str, secret: str, *, clock: Callable[[], datetime], timeout_s: float = TIMEOUT_S
) -> AsyncIterator[WebhookHttp]:
    """Open a way to a receiver; nobody is followed elsewhere, and no proxy is asked.

    Raises:
        Misconfigured: No server can be meant by the URL.
    """
    try:
        httpx2.URL(url)
    except httpx2.InvalidURL as error:
        mend = "Set it as https://host/path, or unset it."
        raise Misconfigured([Problem("CIO_WEBHOOK_URL", str(error), mend)]) from error
    async with httpx2.AsyncClient(
        timeout=timeout_s,
        follow_redirects=False,
        trust_env=False,
        verify=ssl.create_default_context(),
    ) as client:
        yield WebhookHttp(client, url, secret.encode(), clock=clock, timeout_s=timeout_s)
