#!/usr/bin/env python
import sys, mdk, atexit
host, port = sys.argv[1:3]
addr = "http://%s:%s" % (host, port)

from flask import Flask, request
app = Flask(__name__)

@app.route("/")
def hello():
    # Join the logging context from the request, if possible.
    # This will collect all cross-service calls for a particular
    # request into the same group within Datawire Mission Control.
    session = m.join(request.headers.get(m.CONTEXT_HEADER))

    # Log an INFO-level trace message
    session.info("hello", "Received a request.")

    return "Hello World (via Datawire)!\n"

if __name__ == "__main__":
    m = mdk.start()
    m.register("hello", "1.0", addr)
    atexit.register(m.stop)
    app.run(host=host, port=port)
