/* SHA-256 (FIPS 180-4), by the processor's own instructions where it has them. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>

enum { SHA256_BYTES = 32 };

/* Choose the instructions; call it once, before anything is hashed. */
void sha256_choose(void);

/* Write the hash of a text. */
void sha256_one(const char *text, size_t size, char bytes[SHA256_BYTES]);

/* Write the hashes of two texts, which takes little longer than one if they are of about the same length. */
void sha256_two(const char *const texts[2], const size_t sizes[2], char *const bytes[2]);

#endif
