"""Connections to NATS as thin as can be, so that what measures costs little of what is measured.

Only what a load needs: publish, subscribe, and cut what arrives into messages. The server and the
gate cannot tell it from any other client.
"""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

CHUNK_BYTES = 262_144
_CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n'
_PING, _PONG = b"PING\r\n", b"PONG\r\n"


def publication(subject: str, body: bytes) -> bytes:
    """Return the bytes that publish one message."""
    return b"PUB %s %d\r\n%s\r\n" % (subject.encode(), len(body), body)


class Wire:
    """One connection, for use with `select`; the server has greeted it when it is made."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._until(b"\r\n")
        self._socket.sendall(_CONNECT)
        self.settle()

    def fileno(self) -> int:
        """Let `select` wait for it."""
        return self._socket.fileno()

    def subscribe(self, *subjects: str) -> None:
        """Ask for subjects, and wait until the server has noted it."""
        lines = (b"SUB %s %d\r\n" % (one.encode(), n) for n, one in enumerate(subjects, start=1))
        self._socket.sendall(b"".join(lines))
        self.settle()

    def settle(self) -> None:
        """Wait until the server has read everything that was sent."""
        self._socket.sendall(_PING)
        self._until(_PONG)

    def send_some(self, data: memoryview) -> int:
        """Send as much as there is room for, and return how much that was."""
        try:
            return self._socket.send(data[:CHUNK_BYTES], socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def receive(self) -> Iterator[tuple[bytes, bytes]]:
        """Read what is there and iterate over (subject, content) of each whole message.

        The content is the headers, if any, and the body. Raises ConnectionError when the server
        is gone or complains.
        """
        data = self._socket.recv(CHUNK_BYTES)
        if not data:
            raise ConnectionError("the NATS server closed the connection")
        data, at = self._rest + data, 0
        while (end := data.find(b"\r\n", at)) >= 0:
            line, after = data[at:end], end + 2
            if line.startswith((b"MSG ", b"HMSG ")):
                words = line.split(b" ")
                after += int(words[-1]) + 2
                if after > len(data):
                    break
                yield words[1], data[end + 2 : after - 2]
            else:
                self._answer(line)
            at = after
        self._rest = data[at:]

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _answer(self, line: bytes) -> None:
        if line == b"PING":
            self._socket.sendall(_PONG)
        elif line.startswith(b"-ERR"):
            raise ConnectionError(f"the NATS server says {line.decode()}")

    def _until(self, mark: bytes) -> None:
        seen = b""
        while mark not in seen:
            data = self._socket.recv(CHUNK_BYTES)
            if not data or b"-ERR" in data:
                raise ConnectionError(f"no way to the NATS server: {data.decode()}")
            seen += data
