"""The controller: Kubernetes -> the store that gateways share."""
