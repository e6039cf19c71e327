"""`mdk server`: the listener, tenants by token, storage, and their orderly end."""
