"""The ways in for people and programs. Each is handed what it serves."""
