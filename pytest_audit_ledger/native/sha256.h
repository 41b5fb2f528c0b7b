/* SHA-256 (FIPS 180-4), by the processor's own instructions where it has them. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>

enum { SHA256_HEX = 64 };

/* Choose the instructions; call it once, before anything is hashed. */
void sha256_choose(void);

/* Write the hash of a text as lower-case hexadecimal digits, without a NUL at the end. */
void sha256_hex(const char *text, size_t size, char hex[SHA256_HEX]);

#endif
