"""What may be asked of a fund and done for it: one service behind command line, HTTP and MCP.

It prints nothing and knows no protocol. Questions are for everybody who has a token; what changes
anything is told who asks, and refuses what their role may not.
"""
