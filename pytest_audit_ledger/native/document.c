/* Canonical JSON, in which keys are sorted and nothing is between values. Strings and numbers are copied as they are, so
 * what would be written in another way than it was read is left to Python (see `document.h`).
 */
#define Py_LIMITED_API 0x030A0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"

enum { DEEPEST = 64, LONGEST_WHOLE = 16, LONGEST_FRACTION = 40 };

typedef struct {
    const char *at, *end; /* what is left to read */
    char *start, *out;    /* what was written, and where to go on */
    char *scratch;
    Members *members;
    int depth;
} Reader;

static enum document read_value(Reader *reader);

static void skip_space(Reader *reader)
{
    while (reader->at < reader->end && memchr(" \t\n\r", *reader->at, 4))
        reader->at++;
}

/* Read a character if it is the next. */
static int take(Reader *reader, char expected)
{
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != expected)
        return 0;
    reader->at++;
    return 1;
}

static void copy(Reader *reader, const char *text, size_t size)
{
    memcpy(reader->out, text, size);
    reader->out += size;
}

/* Return how many characters an escape has that Python writes as PostgreSQL does; 0 for any other. */
static size_t escape(const char *at, const char *end)
{
    if (end - at >= 2 && memchr("\"\\bfnrt", at[1], 7))
        return 2;
    if (end - at < 6 || memcmp(at, "\\u00", 4) || (at[4] != '0' && at[4] != '1'))
        return 0;
    const char *digits = at[4] == '0' ? "01234567bef" : "0123456789abcdef"; /* the others have letters of their own */
    return at[5] && strchr(digits, at[5]) ? 6 : 0;
}

static enum document read_string(Reader *reader)
{
    const char *at = reader->at;
    if (at == reader->end || *at++ != '"')
        return LEFT_TO_PYTHON;
    while (at < reader->end && *at != '"') {
        size_t escaped = *at == '\\' ? escape(at, reader->end) : 1;
        if (!escaped || (unsigned char)*at < 0x20)
            return LEFT_TO_PYTHON;
        at += escaped;
    }
    if (at == reader->end)
        return LEFT_TO_PYTHON;
    at++;
    copy(reader, reader->at, (size_t)(at - reader->at));
    reader->at = at;
    return READ;
}

static size_t count_digits(const char *at, const char *end)
{
    const char *first = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return (size_t)(at - first);
}

/* Whether `repr` of the float that a text is gives the text (rule 1 of jsonb.py). A zero may have been negative. */
static int is_written_by_python(const char *text, size_t size)
{
    char token[LONGEST_FRACTION + 1];
    memcpy(token, text, size);
    token[size] = 0;
    double number = PyOS_string_to_double(token, NULL, NULL);
    char *shown = PyOS_double_to_string(number, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    int same = shown && number != 0 && !strcmp(shown, token);
    PyMem_Free(shown);
    if (PyErr_Occurred())
        PyErr_Clear();
    return same;
}

static enum document read_number(Reader *reader)
{
    const char *at = reader->at, *end = reader->end, *first = at + (*at == '-');
    size_t whole = count_digits(first, end);
    at = first + whole;
    size_t fraction = at < end && *at == '.' ? count_digits(at + 1, end) : 0;
    if (!whole || (whole > 1 && *first == '0') || (at < end && *at == '.' && !fraction))
        return LEFT_TO_PYTHON;
    at += fraction ? fraction + 1 : 0;
    size_t size = (size_t)(at - reader->at);
    int is_zero = whole == 1 && *first == '0';
    if (at < end && (*at == 'e' || *at == 'E'))
        return LEFT_TO_PYTHON;
    if (!fraction && (size > LONGEST_WHOLE || (is_zero && size > 1))) /* a float of 1e16 and more, or -0 */
        return LEFT_TO_PYTHON;
    if (fraction && (size > LONGEST_FRACTION || !is_written_by_python(reader->at, size)))
        return LEFT_TO_PYTHON;
    copy(reader, reader->at, size);
    reader->at = at;
    return READ;
}

static enum document read_constant(Reader *reader)
{
    static const char *const constants[] = {"true", "false", "null"};
    for (size_t at = 0; at < 3; at++) {
        size_t size = strlen(constants[at]);
        if ((size_t)(reader->end - reader->at) >= size && !memcmp(reader->at, constants[at], size)) {
            copy(reader, constants[at], size);
            reader->at += size;
            return READ;
        }
    }
    return LEFT_TO_PYTHON;
}

static enum document read_array(Reader *reader)
{
    enum document found = READ;
    reader->at++;
    copy(reader, "[", 1);
    int is_empty = take(reader, ']');
    for (int more = !is_empty; more && found == READ;) {
        found = read_value(reader);
        more = found == READ && take(reader, ',');
        if (more)
            copy(reader, ",", 1);
        else if (found == READ && !take(reader, ']'))
            found = LEFT_TO_PYTHON;
    }
    if (found == READ)
        copy(reader, "]", 1);
    return found;
}

/* Read a key, which may have no escape, since it is sorted by the characters that it stands for, and its value. */
static enum document read_member(Reader *reader)
{
    Members *members = reader->members;
    if (members->count == members->room) {
        size_t room = 2 * members->room + 16;
        Member *items = room < SIZE_MAX / sizeof *items ? realloc(members->items, room * sizeof *items) : NULL;
        if (!items)
            return NO_MEMORY;
        members->items = items;
        members->room = room;
    }
    skip_space(reader);
    Member member = {.key = reader->at + 1, .start = (size_t)(reader->out - reader->start)};
    enum document found = read_string(reader);
    if (found != READ)
        return found;
    member.key_size = (size_t)(reader->at - member.key) - 1;
    if (memchr(member.key, '\\', member.key_size) || !take(reader, ':'))
        return LEFT_TO_PYTHON;
    copy(reader, ":", 1);
    size_t place = members->count++;
    members->items[place] = member; /* the members of the value come after it */
    found = read_value(reader);
    member.size = (size_t)(reader->out - reader->start) - member.start;
    members->items[place] = member;
    return found;
}

static int by_key(const void *one, const void *other)
{
    const Member *a = one, *b = other;
    int order = memcmp(a->key, b->key, a->key_size < b->key_size ? a->key_size : b->key_size);
    return order ? order : (a->key_size > b->key_size) - (a->key_size < b->key_size);
}

/* Put the members of an object, which end what was written, in order. UTF-8 sorts as the characters do. */
static enum document sort_members(Reader *reader, Member *members, size_t count)
{
    if (!count)
        return READ;
    size_t start = members[0].start, size = 0;
    qsort(members, count, sizeof *members, by_key);
    for (size_t at = 0; at < count; at++) {
        if (at && !by_key(&members[at - 1], &members[at]))
            return LEFT_TO_PYTHON; /* a key occurs twice */
        memcpy(reader->scratch + size, reader->start + members[at].start, members[at].size);
        members[at].start = start + size;
        size += members[at].size;
        reader->scratch[size++] = ',';
    }
    memcpy(reader->start + start, reader->scratch, size - 1);
    return READ;
}

static enum document read_object(Reader *reader)
{
    size_t first = reader->members->count;
    enum document found = READ;
    reader->at++;
    copy(reader, "{", 1);
    int is_empty = take(reader, '}');
    for (int more = !is_empty; more && found == READ;) {
        size_t place = reader->members->count;
        found = read_member(reader);
        if (found != READ)
            return found;
        reader->members->count = place + 1;
        more = take(reader, ',');
        if (more)
            copy(reader, ",", 1);
        else if (!take(reader, '}'))
            return LEFT_TO_PYTHON;
    }
    copy(reader, "}", 1);
    return sort_members(reader, reader->members->items + first, reader->members->count - first);
}

static enum document read_value(Reader *reader)
{
    enum document found = LEFT_TO_PYTHON;
    skip_space(reader);
    if (reader->at == reader->end || reader->depth == DEEPEST)
        return LEFT_TO_PYTHON;
    reader->depth++;
    switch (*reader->at) {
    case '{': found = read_object(reader); break;
    case '[': found = read_array(reader); break;
    case '"': found = read_string(reader); break;
    case 't':
    case 'f':
    case 'n': found = read_constant(reader); break;
    default: found = read_number(reader);
    }
    reader->depth--;
    return found;
}

enum document canonical_object(const char *text, size_t size, char *out, char *scratch, size_t *written,
                               Members *members)
{
    Reader reader = {.at = text, .end = text + size, .start = out, .out = out, .scratch = scratch, .members = members};
    members->count = 0;
    if (!size || *text != '{')
        return LEFT_TO_PYTHON;
    enum document found = read_value(&reader);
    *written = (size_t)(reader.out - out);
    return found == READ && reader.at != reader.end ? LEFT_TO_PYTHON : found;
}

size_t string_value(const char *text, size_t size, char *out)
{
    char *to = out;
    for (const char *at = text + 1, *end = text + size - 1; at < end; at++) {
        static const char names[] = "bfnrt", values[] = "\b\f\n\r\t", digits[] = "0123456789abcdef";
        if (*at != '\\') {
            *to++ = *at;
        } else if (*++at == 'u') { /* \u00, and two digits */
            *to++ = (char)(16 * (at[3] - '0') + (strchr(digits, at[4]) - digits));
            at += 4;
        } else {
            const char *name = strchr(names, *at);
            *to++ = name ? values[name - names] : *at;
        }
    }
    return (size_t)(to - out);
}
