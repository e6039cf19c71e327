"""The JavaScript emitter: an ES module without dependencies, and its type declarations, from the same model."""
