"""The watch over losses: keeps the book, switches the trading state at a limit, and tells of it."""
