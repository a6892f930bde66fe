"""Rate limits as arithmetic: buckets, the keys of buckets, and what a node may do with a bucket that others share."""
