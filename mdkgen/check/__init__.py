"""The checker's parts: names and types, expressions, machines, protocols."""
