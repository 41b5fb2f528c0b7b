/* SHA-256 (FIPS 180-4), by the processor's own instructions where it has them. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>

enum { SHA256_BYTES = 32 };

/* Choose the instructions; call it once, before anything is hashed. */
void sha256_choose(void);

/* Write the hash of a text. */
void sha256_bytes(const char *text, size_t size, char bytes[SHA256_BYTES]);

#endif
