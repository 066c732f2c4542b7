"""petrosa-cio: the gate of the Petrosa fleet, and the office that sets its limits."""

__version__ = "0.1.0"
