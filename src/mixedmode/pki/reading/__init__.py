"""Our reader of certificates: DER, names, keys and extensions, as tolerant as OpenSSL."""
