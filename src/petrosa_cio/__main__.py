"""``python -m petrosa_cio`` is ``cio``."""

from petrosa_cio.cli import main

main()
