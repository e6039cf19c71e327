"""For the tests of applications: an MDK that needs no server, and a server that needs no set-up."""
