"""What is known of today's order engine beyond the shape of its messages."""

CANNOT_CLOSE = (
    "Today's order engine cannot execute `close`: it answers such a signal with a failed order, so "
    "an approved exit does not close anything."
)
"""Said wherever a person might believe that an approved exit was an executed one."""
