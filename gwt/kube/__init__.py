"""Kubernetes as seen by a client, sans-IO: where its API is, how to follow a kind of object, how to lead."""
