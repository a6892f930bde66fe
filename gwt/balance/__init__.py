"""Who gets the next request: the endpoints of a service and the pickers over them. Imports no Twisted."""
