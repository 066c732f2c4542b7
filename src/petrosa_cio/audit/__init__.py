"""The record: what is kept of every verdict, and how it reaches its store."""
