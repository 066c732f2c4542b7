"""The pure core: values in, verdict out.

Nothing here does I/O, reads a clock, draws a random number or logs; the same inputs give the same
bytes. Start reading at `petrosa_cio.risk.decide`.
"""
