session = mdk.join(encoded_session)
session.hasProperty("demoapp:items")  # returns True
session.getProperty("demoapp:items")  # returns [1, 2]
