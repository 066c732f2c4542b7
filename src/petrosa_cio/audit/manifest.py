"""What an archive says of itself: which stretch of the chain it holds, in which files. Pure.

The manifest is signed, and names every file with its SHA-256: so whoever has the public key can
tell, with no database, whether the archive is what was archived. Its bytes are fixed by what it
says, so that no byte of it can differ unseen.
"""

from collections.abc import Mapping
from hashlib import sha256

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from petrosa_cio.audit.checkpoint import Signer, is_signature, key_id_of
from petrosa_cio.ports import Head

FORMAT = "petrosa-cio archive 1"
"""The form of archives; stands before what is signed as well."""


class ArchivedFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of an archive: gzip over JSON Lines.

    Attributes:
        name: Its name, such as ``records-000001.jsonl.gz``.
        sha256: The SHA-256 of the file, in hexadecimal.
        bytes: Its length.
        lines: How many documents it holds.
    """

    name: str
    sha256: str
    bytes: int
    lines: int


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One archive.

    Attributes:
        format: `FORMAT`.
        chain: The fund whose chain it is.
        schema_version: Schema of the records when it was made.
        code_version: Version of the program that made it.
        made_at: When, ISO-8601 in UTC.
        first_seq: Position of the first record.
        last_seq: Position of the last record.
        records: How many records; as many as there are positions.
        prev_hash: Hash of the record before the first; 64 zeros where there is none.
        hash: Hash of the last record.
        first_journaled_at: When the first record was journaled, ISO-8601 in UTC.
        last_journaled_at: When the last record was.
        signed_until: Position of the newest checkpoint in it; 0 where there is none.
        files: Its files, in order.
        key_id: Which key signed it.
        signature: The ed25519 signature, base64; empty before it is signed.
    """

    format: str = FORMAT
    chain: str
    schema_version: int
    code_version: str
    made_at: str
    first_seq: int
    last_seq: int
    records: int
    prev_hash: str
    hash: str
    first_journaled_at: str
    last_journaled_at: str
    signed_until: int
    files: tuple[ArchivedFile, ...]
    key_id: str = ""
    signature: str = ""

    @property
    def before(self) -> Head:
        """What the first record follows."""
        return Head(self.first_seq - 1, self.prev_hash)

    @property
    def end(self) -> Head:
        """The end of the chain in this archive."""
        return Head(self.last_seq, self.hash)

    @property
    def signed_bytes(self) -> bytes:
        """What is signed: the form, then the manifest without its signature, on one line."""
        unsigned = replace(self, signature="")
        return f"{self.format}\n".encode() + msgspec.json.encode(unsigned)


def signed_manifest(manifest: Manifest, signer: Signer) -> Manifest:
    """Return a manifest with its signature."""
    named = replace(manifest, key_id=key_id_of(signer.public_key), signature="")
    return replace(named, signature=signer.signature_of(named.signed_bytes))


def signature_fault(manifest: Manifest, keys: Mapping[str, bytes]) -> str:
    """Return what is wrong with a manifest's signature, in words; empty where nothing is.

    Args:
        manifest: The manifest.
        keys: Public keys that may have signed, by their id; where none is known nothing is wrong,
            and nothing is proven.
    """
    key = keys.get(manifest.key_id)
    if keys and key is None:
        return f"it is signed with a key that is not known, {manifest.key_id}"
    if key is not None and not is_signature(manifest.signature, key, manifest.signed_bytes):
        return "its signature is not that of its key"
    return ""


def written_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as its file has it."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def read_manifest(content: bytes) -> Manifest:
    """Return the manifest that a file holds.

    Raises:
        ValueError: It holds none, one of another form, or one that is written otherwise.
    """
    manifest = msgspec.json.decode(content, type=Manifest)
    if manifest.format != FORMAT:
        raise ValueError(f"expected the form {FORMAT!r}, was {manifest.format!r}")
    if written_manifest(manifest) != content:
        raise ValueError("it is written otherwise than this program writes it")
    return manifest


def manifest_hash(manifest: Manifest) -> str:
    """Return the SHA-256 of a manifest's file, in hexadecimal."""
    return sha256(written_manifest(manifest)).hexdigest()
