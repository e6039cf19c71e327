# Start a new session
ssn = mdk.session()

# Get an active address for service B via Discovery
url = ssn.resolve("B", "1.0").address

# Make the request to service B with the context header added
r = requests.get(url, headers={mdk.CONTEXT_HEADER: ssn.externalize()})
