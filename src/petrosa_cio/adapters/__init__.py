"""One room for every outside thing, each behind its own door."""
