"""The neighbours: what they send and what they accept."""
