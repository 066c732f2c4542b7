"""The HTTP API: the office of a fund for programs, under ``/api/v1``."""
