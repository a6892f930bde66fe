"""Memory that the workers of one node share, in zones with a name."""
