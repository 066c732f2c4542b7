"""The NATS client, made to outlive whatever bytes a stranger publishes.

The server passes on any bytes as a subject, a reply address or headers. On some of them the
library's reader stops for good, while the connection still counts as open, or it reconnects for
ever; captured in a stream, one such message would come again and stop every gate there is.
"""

import re

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.protocol import parser

__all__ = ["Client", "RobustClient"]

FLUSH_TIMEOUT_S = 10

# The server takes space and tab as separators, and nothing else. The library's own patterns also
# split at a vertical tab or a form feed, which may stand in a subject.
_WORD, _GAP, _REPLY = rb"([^ \t\r\n]+)", rb"[ \t]+", rb"(([^ \t\r\n]+)[ \t]+)?"
_HEAD = _GAP + _WORD + _GAP + rb"(\d+)" + _GAP + _REPLY
parser.MSG_RE = re.compile(rb"\AMSG" + _HEAD + rb"(\d+)\r\n")
parser.HMSG_RE = re.compile(rb"\AHMSG" + _HEAD + rb"(\d+)" + _GAP + rb"(\d+)\r\n")


class RobustClient(Client):
    """A client that reads every message, readable or not, and knows what is written."""

    async def flush(self, timeout: int = FLUSH_TIMEOUT_S) -> None:  # noqa: ASYNC109 (inherited)
        """Wait until the server has all that was published.

        The library's own only sends a ping, which overtakes what still waits to be written.
        """
        await self._flush_pending(force_flush=True)
        await super().flush(timeout)

    async def abort(self) -> None:
        """Close at once, and throw away what is not yet written; a plain close waits for that."""
        self._pending, self._pending_data_size = [], 0
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()
        await self.close()

    async def _process_headers(self, headers: bytes | None) -> dict[str, str] | None:
        """Return the headers; none where they do not read."""
        try:
            found: dict[str, str] | None = await super()._process_headers(headers)
        except (ValueError, IndexError):
            return None
        return found

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Msg:
        """Return the message; of a name that is no UTF-8, the wrong bytes are written out."""
        return self.msg_class(
            subject=_text(subject),
            reply=_text(reply),
            data=data,
            headers=headers,
            _client=self,
            _sid=sid,
        )


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
