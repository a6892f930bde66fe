"""Redis as a peer: where it is, how to reach it, a connection that comes back."""
