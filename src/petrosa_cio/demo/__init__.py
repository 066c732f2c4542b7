"""A simulated fleet around the real gate: a market, bots, an order engine, and a story to watch.

The gate, its servers, its journal and its record are the real ones, as `cio run` starts them. What
is simulated is what surrounds them. Market and intents are made in advance from a seed, by pure
functions; only the moments of arrival, and so the verdicts near a limit, may differ between runs.
"""
