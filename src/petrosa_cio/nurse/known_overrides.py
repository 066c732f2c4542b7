"""The overrides that a gate knows of: read once, and only if somebody trusted has signed them."""

from collections.abc import Callable, Mapping

import structlog

from petrosa_cio.governance.signed_overrides import Untrusted, trusted_override
from petrosa_cio.governance.signing import TrustedKeys
from petrosa_cio.risk.overrides import Override

log = structlog.get_logger()


class KnownOverrides:
    """Reads what the store holds; each signature is checked once, and each refusal told once.

    Args:
        trusted: Whose signature counts.
        refused: Called for each one that is not taken over.
    """

    def __init__(self, trusted: TrustedKeys, refused: Callable[[], None]) -> None:
        self._trusted = trusted
        self._refused = refused
        self._read: dict[tuple[str, bytes], Override | None] = {}

    def by_order(self, stored: Mapping[str, bytes]) -> dict[str, Override]:
        """Return the overrides that can be trusted, by the fingerprint of their order.

        Of several for one order the one that ends first counts, until it is used or over.
        """
        if not stored and not self._read:
            return {}
        self._read = {
            one: self._read[one] if one in self._read else self._trusted_one(*one)
            for one in stored.items()
        }
        found = sorted(
            (one for one in self._read.values() if one is not None),
            key=lambda one: (one.expires_at, one.override_id),
            reverse=True,
        )
        return {one.order: one for one in found}

    def _trusted_one(self, name: str, document: bytes) -> Override | None:
        try:
            override = trusted_override(document, self._trusted)
            if override.override_id != name:
                raise Untrusted("it stands under the name of another")
        except Untrusted as problem:
            log.error("override_untrusted", override=name[:64], problem=str(problem))
            self._refused()
            return None
        log.info("override_known", override=name, lifts=override.lifts)
        return override
