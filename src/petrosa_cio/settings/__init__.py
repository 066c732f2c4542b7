"""Every setting of the program, read once from the environment.

`load_settings` turns `CIO_*` variables into one frozen `Settings`, or raises `Misconfigured` with
every problem at once: a person should not have to start the program five times to find five typos.
A misspelt name is such a problem, because a limit that was never read is worse than no start.
"""

from petrosa_cio.settings.loading import child_environ, describe, load_settings, variable
from petrosa_cio.settings.model import LogFormat, Settings
from petrosa_cio.settings.subjects import STRATEGY_PLACEHOLDER, subjects_overlap

__all__ = [
    "STRATEGY_PLACEHOLDER",
    "LogFormat",
    "Settings",
    "child_environ",
    "describe",
    "load_settings",
    "subjects_overlap",
    "variable",
]
