"""What can go wrong for a strategy, besides a denial, which is an answer."""


class ClientError(Exception):
    """Anything the client raises on purpose."""


class NotConnected(ClientError):
    """NATS cannot be reached, or not now; nothing was sent."""


class NoAnswer(ClientError):
    """Nobody answered in time.

    Args:
        intent_id: The intent. Only with this id may it be asked again.
        why: What was seen.
    """

    def __init__(self, intent_id: str, why: str) -> None:
        super().__init__(
            f"intent {intent_id}: {why}; take it as not approved, and ask again with the same "
            "intent if at all"
        )
        self.intent_id = intent_id


class ReportsMissed(ClientError):
    """Reports of the order engine were missed: ask it what became of your orders."""
