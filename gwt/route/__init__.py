"""Which target a request goes to: canonical paths and hosts, conditions, and the immutable router."""
