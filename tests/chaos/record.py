"""The role record, which does not wait a minute for what a killed one had taken.

Nothing else differs from ``cio run --role record``: a run of some minutes would be mostly waiting.
"""

import os

from petrosa_cio import app
from petrosa_cio.cli.root import run_async
from petrosa_cio.settings import load_settings

ACK_WAIT_S = 10.0


async def main() -> None:
    """Run until SIGINT or SIGTERM, set up by the environment."""
    app.DRAIN_ACK_WAIT_S = ACK_WAIT_S  # type: ignore[attr-defined]
    await app.run_role(app.Role.RECORD, load_settings(os.environ))


if __name__ == "__main__":
    run_async(main())
