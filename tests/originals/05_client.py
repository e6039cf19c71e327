#!/usr/bin/env python
import requests, time, mdk

def main(mdk, service, version):
    while True:
        # Start a new session
        ssn = mdk.session()

        # Resolve the service name to a real endpoint address
        url = ssn.resolve(service, version).address

        # Make the request, passing in our request tracing header
        r = requests.get(url, headers={mdk.CONTEXT_HEADER: ssn.inject()})
        print("%s => %d: %s" % (url, r.status_code, r.text))

        # Wait before we resolve a new address and call again
        time.sleep(1)

if __name__ == '__main__':
    import sys
    if len(sys.argv) < 2:
        raise Exception("usage: client service_name");

    service_name = sys.argv[1]
    MDK = mdk.start()
    try:
        main(MDK, service_name, "1.0.0")
    finally:
        MDK.stop()
