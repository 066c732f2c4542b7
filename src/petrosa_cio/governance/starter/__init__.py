"""The policy and the charter that a bare start begins with, as YAML beside this file."""

from importlib.resources import as_file, files
from pathlib import Path


def starter_file(name: str) -> Path:
    """Return the path of ``policy.yaml`` or ``charter.yaml``."""
    with as_file(files(__package__) / name) as path:
        return path
