"""Vectors: what any implementation of a spec must do, as JSON, worked out from the model alone.

Nothing here uses the engine that is to be tested: `interpreter` says what a spec means, in the plainest way.
"""
