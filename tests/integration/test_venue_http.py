"""Asking a venue over HTTP, and everything that it may do besides answering."""

from collections.abc import AsyncIterator

import pytest

from petrosa_cio.adapters import venue_http
from petrosa_cio.adapters.venue_http import VenueHttp
from petrosa_cio.errors import Unavailable
from tests.venue_server import VenueServer, venue_server

pytestmark = pytest.mark.integration


@pytest.fixture
async def venue() -> AsyncIterator[VenueServer]:
    async with venue_server() as running:
        yield running


async def test_the_answer_is_returned_as_it_is(venue: VenueServer) -> None:
    venue.say(b"\xffanything")
    assert await VenueHttp(venue.url).fetch() == b"\xffanything"
    assert venue.asked == ["GET /exchangeInfo?x=1 HTTP/1.1"]


@pytest.mark.parametrize(
    "status", ["204 No", "301 Moved", "403 No", "418 Banned", "429 Slow", "500"]
)
async def test_another_status_is_no_answer(venue: VenueServer, status: str) -> None:
    venue.say(b"{}", status, "location: /elsewhere", "retry-after: 60")
    with pytest.raises(Unavailable, match=f"status 200, was {status[:3]}"):
        await VenueHttp(venue.url).fetch()
    assert len(venue.asked) == 1


async def test_a_long_answer_is_not_taken(venue: VenueServer) -> None:
    venue.say(b"x" * 1_000)
    assert len(await VenueHttp(venue.url, max_bytes=1_000).fetch()) == 1_000
    with pytest.raises(Unavailable, match="more than 999 bytes"):
        await VenueHttp(venue.url, max_bytes=999).fetch()


@pytest.mark.parametrize(
    "answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]
)
async def test_half_an_answer_is_none(venue: VenueServer, answer: bytes) -> None:
    venue.answer = answer
    with pytest.raises(Unavailable, match="venue"):
        await VenueHttp(venue.url).fetch()


async def test_a_venue_that_hangs_is_left(
    venue: VenueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue.silent = True
    monkeypatch.setattr(venue_http, "ANSWER_TIMEOUT_S", 0.05)
    with pytest.raises(Unavailable, match="Timeout"):
        await VenueHttp(venue.url).fetch()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "http://[/", "http://no.such.host.invalid/"]
)
async def test_a_venue_that_is_away_is_away(url: str) -> None:
    with pytest.raises(Unavailable, match="venue"):
        await VenueHttp(url).fetch()
