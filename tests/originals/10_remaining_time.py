# Do a HTTP request with timeout based on the MDK session deadline:
requests.get(url, timeout=ssn.getRemainingTime())
