"""The Strategist: a slow mind that proposes policy, and never stands in an intent's way."""
