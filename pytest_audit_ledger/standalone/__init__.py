"""A verifier that needs neither this package nor any other, the profile that it reads, and test vectors."""
