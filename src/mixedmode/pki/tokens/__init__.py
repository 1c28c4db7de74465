"""Security tokens: behind a PKCS#11 library, or as files of a lab."""
