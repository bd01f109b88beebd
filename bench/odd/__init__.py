"""Generated requests, odd and bad ones, for both wires: the same for the same seed."""
