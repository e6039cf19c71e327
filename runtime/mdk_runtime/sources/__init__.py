"""Where nodes come from besides the server."""
