"""Signed policies for tests, and whose signature counts in them."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from petrosa_cio.adapters.memory_revisions import MemoryRevisions
from petrosa_cio.governance.actors import Actor, Role
from petrosa_cio.governance.files import load_governing
from petrosa_cio.governance.signing import PolicySigner, TrustedKeys, projected, statement_of
from petrosa_cio.policies import open_policies, policies_of, prepare, trusted_keys
from petrosa_cio.ports import ActivePolicy, PolicyRevision, PolicyStore
from petrosa_cio.servers import open_servers
from petrosa_cio.settings import Settings

SEED = bytes(range(32))
SIGNER = PolicySigner(SEED)
STRANGER = PolicySigner(bytes(range(1, 33)))
TRUSTING = {"CIO_POLICY_PUBLIC_KEYS": SIGNER.public_key.hex()}
ANN = Actor("ann", Role.RISK_OFFICER)
THOUGHT = (
    "The desk saw three days of thin books on small coins, so orders of this size move the price "
    "against us; we ask for less until volume is back to what it was in October."
)
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def trusting(fund: str = "main") -> TrustedKeys:
    """Return that one key is trusted."""
    return TrustedKeys(fund, [SIGNER.public_key])


def revision(
    number: int,
    document: bytes | str = b"{}",
    *,
    fund: str = "main",
    tightened: int | None = None,
    signer: PolicySigner = SIGNER,
) -> PolicyRevision:
    """Return a signed revision that follows the one before it."""
    text = document.decode(errors="replace") if isinstance(document, bytes) else document
    unsigned = PolicyRevision(
        fund=fund,
        revision=number,
        parent=number - 1,
        content_of=None,
        document=text,
        document_hash=sha256(text.encode()).hexdigest(),
        tightened_revision=number if tightened is None else tightened,
        author=ANN.name,
        role=ANN.role,
        thought=THOUGHT,
        change="tighter",
        diff=(),
        at=AT,
        key_id=signer.key_id,
    )
    return replace(unsigned, signature=signer.sign(statement_of(unsigned)))


def signed(number: int, document: bytes | str = b"{}", **said: object) -> ActivePolicy:
    """Return a signed revision as the store of the gates holds it."""
    return projected(revision(number, document, **said))  # type: ignore[arg-type]


async def put_next(
    store: PolicyStore, document: bytes = b"{}", *, tightens: bool = True, fund: str = "main"
) -> ActivePolicy:
    """Put a document in force as the next revision, whatever it is."""
    active = await store.active_policy() or ActivePolicy(0, 0, b"")
    number = active.revision + 1
    tightened = number if tightens else active.tightened_revision
    following = signed(number, document, fund=fund, tightened=tightened)
    assert await store.put_policy(following)
    return following


async def govern(settings: Settings) -> MemoryRevisions:
    """Make a fund's stores ready as a first start does.

    Revisions are kept in MongoDB where one is stated, else in memory, which is returned.
    """
    governing = load_governing(settings.policy_file, settings.charter_file)
    kept, trusted = MemoryRevisions(), trusted_keys(settings)
    async with (
        open_servers(settings, name="start") as servers,
        open_policies(settings, servers, governing.charter, signer=SIGNER) as found,
    ):
        policies = found or policies_of(kept, servers, trusted, governing.charter, SIGNER)
        await prepare(settings, servers, governing, policies)
    return kept


def with_key(folder: Path) -> dict[str, str]:
    """Put the trusted key into a file, and return the setting that names it."""
    file = folder / "policy.key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(SEED.hex())
    return {"CIO_POLICY_KEY_FILE": str(file)}
