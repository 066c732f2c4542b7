"""What the program tells about itself: spans of intents, and metrics, for an OTLP collector.

`petrosa_cio.telemetry.running` opens it for one process. Off, which is the default, it starts no
thread and does not even import OpenTelemetry. Everything here only watches: nothing of it may
delay a decision, fail one, or change what is decided, recorded or sent.
"""
