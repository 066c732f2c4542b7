"""Looks whether everything around the gate is as it must be, and says what to do where it is not.

It only looks: nothing is sent to bots or engine, nothing is stored, nothing is changed.
"""

from petrosa_cio.doctor.examination import examine
from petrosa_cio.doctor.findings import Finding, Level, Result

__all__ = ["Finding", "Level", "Result", "examine"]
