"""The guard: watches what a new revision of the policy does, and falls back where it does harm."""
