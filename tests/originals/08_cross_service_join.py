@app.route("/")
def hello():
    # Join the logging context from the request, if possible:
    ssn = mdk.join(request.headers.get(mdk.CONTEXT_HEADER))
    ssn.info(app.service_name, "Received a request.")
    return "Hello World!"
