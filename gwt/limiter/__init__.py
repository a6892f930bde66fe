"""Rate limiters: what a plugin asks whether a request may pass, on one node or on many that share Redis."""
