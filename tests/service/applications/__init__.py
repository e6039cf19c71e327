"""Applications, one a framework, with the same paths: what tests/service/test_frameworks.py asks of each.

/show       the session's trace and remaining time, after others had their turn
/uses       resolves `downstream`, and answers
/raises     resolves, and raises
/refuses    resolves, and answers 503
/middleware resolves in a middleware inside of ours, which raises
/streams    resolves, and sends three pieces, each with the trace that it was made in
/breaks     resolves, and raises after the first piece
/endless    resolves, and sends pieces until nobody listens
/calls?url= calls another server, and answers 504 with the error's name if that takes too long
/logs       logs with standard logging
/leftovers  how many requests began with a session of one before
"""
