"""The MDK in web frameworks, HTTP clients and logging."""
