# Create a session:
session = mdk.session()
# Set a property; any JSON-encodable value can be used:
session.setProperty("demoapp:items", [1, 2])

# Serialize the session for transmission to another process:
return session.externalize()
