"""TLS on Twisted's connections: how a handshake ends in a protocol, on reactors that encrypt and on others."""
