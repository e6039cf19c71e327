"""What a server knows and decides, without I/O."""
