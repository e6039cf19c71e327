"""The commands of `mdk`; each module says what its commands take, and what they do."""
