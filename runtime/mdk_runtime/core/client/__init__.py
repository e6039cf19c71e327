"""What a client knows and decides, without I/O."""
