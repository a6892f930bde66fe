"""etcd as a peer: where it is, questions over its JSON gateway, a watch that comes back."""
