"""The canonical form of a venue's rules: the same rules are the same bytes, and so the same hash.

It is what is stored, and what the record keeps of each version that ever decided.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec
from msgspec import Struct

from petrosa_cio.risk.venue import SymbolRules, VenueRules

FORM_VERSION = 1


class _Form(Struct, frozen=True):
    form_version: int
    symbols: list[SymbolRules]


_ENCODER = msgspec.json.Encoder(decimal_format="string")
_DECODER = msgspec.json.Decoder(_Form)


def venue_rules(symbols: Iterable[SymbolRules]) -> VenueRules:
    """Return the rules of some symbols, under the hash of their content."""
    by_symbol = {one.symbol: one for one in symbols}
    return VenueRules(by_symbol, sha256(canonical_form(by_symbol)).hexdigest())


def canonical_form(symbols: Mapping[str, SymbolRules]) -> bytes:
    """Return rules as bytes: sorted by symbol, numbers as text."""
    return _ENCODER.encode(_Form(FORM_VERSION, [symbols[name] for name in sorted(symbols)]))


def from_canonical_form(form: bytes) -> VenueRules:
    """Return the rules in a canonical form, under the hash of these bytes.

    Raises:
        ValueError: It is none, or of a version that is not known here.
    """
    found = _DECODER.decode(form)
    if found.form_version != FORM_VERSION:
        raise ValueError(f"venue rules of form version {found.form_version} are not known here")
    return VenueRules({one.symbol: one for one in found.symbols}, sha256(form).hexdigest())
