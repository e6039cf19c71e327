#!/usr/bin/env python
import sys
host, port = sys.argv[1:3]

from flask import Flask, request
app = Flask(__name__)

@app.route("/")
def hello():
    return "Hello World!\n"

if __name__ == "__main__":
    app.run(host=host, port=port)
