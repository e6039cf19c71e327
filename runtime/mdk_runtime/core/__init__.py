"""What the MDK decides, without sockets, threads, clocks, randomness or logging: those are handed in."""
