"""TLS without I/O: which certificate answers to which name, contexts of OpenSSL, what a peer has shown of itself."""
