"""`mdk demo`: a server, two microservices and a client, one of them killed, all on this machine."""
