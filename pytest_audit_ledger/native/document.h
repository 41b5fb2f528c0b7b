/* Canonical JSON of documents that Python wrote and PostgreSQL printed; `model/jsonb.py` is the reference. */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include <stddef.h>

/* A member of an object: its key, which has no escapes, and where both are, `"key":value`, in what was written. */
typedef struct {
    const char *key;
    size_t key_size, start, size;
} Member;

/* Members of the objects that are being read, the outermost first. */
typedef struct {
    Member *items;
    size_t count, room;
} Members;

enum document { READ, LEFT_TO_PYTHON, NO_MEMORY };

/* Write the canonical JSON of an object, and note its members. `out` and `scratch` have room for `size` bytes each, and
 * `written` says how many there are. An object that can have been written in several ways is left to Python, and so is
 * everything that PostgreSQL does not print for jsonb. Call it with the GIL.
 */
enum document canonical_object(const char *text, size_t size, char *out, char *scratch, size_t *written,
                               Members *members);

/* Write what a string stands for that `canonical_object` wrote, quotes included. Return how many bytes that is. */
size_t string_value(const char *text, size_t size, char *out);

#endif
