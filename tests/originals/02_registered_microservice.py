#!/usr/bin/env python

# Add the import of mdk and atexit
import sys, mdk, atexit
host, port = sys.argv[1:3]

# Build the URL which we will register with Datawire
addr = "http://%s:%s" % (host, port)

from flask import Flask, request
app = Flask(__name__)

@app.route("/")
def hello():
    return "Hello World (via Datawire)!\n"

if __name__ == "__main__":
    # Start the MDK and register our service information with Datawire
    m = mdk.start()
    m.register("hello", "1.0", addr)

    # Register a shutdown hook for fast de-registration from Datawire
    atexit.register(m.stop)

    app.run(host=host, port=port)
