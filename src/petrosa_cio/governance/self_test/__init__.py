"""Shows of each limit of a policy what it stops and what just passes, decided by the real core."""

from petrosa_cio.governance.self_test.run import Asked, Shown, Status, self_test

__all__ = ["Asked", "Shown", "Status", "self_test"]
