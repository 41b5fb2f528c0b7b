/* Rows of PostgreSQL's COPY text as columns of JSON text, as rows of an export, and the hashes of their payloads.
 *
 * It does what `sources/copy_text.py`, `model/batch.py` and `export/row_formats.py` do, quicker. They are the
 * reference: property tests compare the two byte by byte, and a machine without this module runs them. Fields are found
 * once; everything else is made of them on demand. Only CPython's limited API is used, so one build serves every Python
 * from 3.10 on.
 */
#define Py_LIMITED_API 0x030A0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "document.h"
#include "sha256.h"

typedef struct {
    PyObject_HEAD
    PyObject *data; /* keeps `text` alive */
    const char *text;
    Py_ssize_t rows, width;
    uint32_t *ends; /* where each field ends: at its tab, or its newline */
    size_t longest; /* bytes in the longest row */
} Rows;

typedef struct {
    const char *text;
    size_t size;
} Slice;

/* How a field is written. What a form cannot write is left to Python. */
enum form {
    TEXT,   /* as JSON text */
    RAW,    /* the bytes of the value */
    MOMENT, /* as JSON text, in canonical form if it is a moment of four-digit years */
    SWITCH, /* true or false */
    ISO_0,  /* a moment without its offset, with so many digits of a second */
    ISO_3,
    ISO_6,
    ISO_9,
    ISO_TRIMMED, /* without zeros at the end */
    ISO_PYTHON,  /* six digits, or none if all are zero */
    ISO_JAVA,    /* none, three or six */
    DOCUMENT,    /* the bytes of the value, in one line */
    QUOTED,      /* the bytes of the value, each quote twice */
    DEFUSED,     /* as there, but a formula of a spreadsheet behind an apostrophe */
    CANONICAL,   /* a moment of four-digit years in canonical form */
    FORMS,
};

typedef struct {
    Slice before; /* the constant that precedes the field */
    Py_ssize_t place;
    enum form form;
    Slice open, close; /* around the value */
    Slice null;        /* instead of them all, if there is no value */
    char refused[256]; /* bytes that leave a value to Python */
    int refuses;       /* whether there are such bytes */
} Piece;

/* A control character takes six bytes in JSON, so no field grows more; a moment grows by less than the room. */
enum { GROWTH = 6, ROOM = 16 };

static Slice field(const Rows *rows, Py_ssize_t row, Py_ssize_t place)
{
    Py_ssize_t at = row * rows->width + place;
    size_t start = at ? (size_t)rows->ends[at - 1] + 1 : 0;
    return (Slice){rows->text + start, rows->ends[at] - start};
}

static int is_null(Slice field)
{
    return field.size == 2 && field.text[0] == '\\' && field.text[1] == 'N';
}

/* Append bytes. Often it is one, a quote, for which a call takes longer than the copy. */
static inline char *copied(char *out, Slice part)
{
    if (part.size == 1)
        *out = *part.text;
    else if (part.size)
        memcpy(out, part.text, part.size);
    return out + part.size;
}

/* NUL is no control character here: PostgreSQL has no text with one. */
static int is_control(unsigned char c)
{
    return (unsigned char)(c - 1) < 0x1f;
}

/* Whether COPY text is JSON text as it stands. A loop without branches and wider types, which becomes vectors. */
static int is_plain(Slice text)
{
    unsigned char found = 0;
    for (size_t at = 0; at < text.size; at++) {
        unsigned char c = (unsigned char)text.text[at];
        found |= (unsigned char)(is_control(c) | (c == '"') | (c == '\\'));
    }
    return !found;
}

static char *escaped(char *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    out = copied(out, (Slice){"\\u00", 4});
    *out++ = digits[c >> 4];
    *out++ = digits[c & 15];
    return out;
}

/* Write a field as JSON text. COPY and JSON escape alike, but for the vertical tab, the quote and other controls. */
static char *json_text(char *out, Slice field)
{
    if (is_plain(field))
        return copied(out, field);
    for (size_t at = 0; at < field.size; at++) {
        unsigned char c = (unsigned char)field.text[at];
        if (c == '\\' && at + 1 < field.size) {
            unsigned char next = (unsigned char)field.text[++at];
            if (next == 'v') {
                out = escaped(out, '\v');
            } else {
                *out++ = '\\';
                *out++ = (char)next;
            }
        } else if (c == '"') {
            *out++ = '\\';
            *out++ = '"';
        } else if (is_control(c)) {
            out = escaped(out, c);
        } else {
            *out++ = (char)c;
        }
    }
    return out;
}

/* Write a moment in its canonical form, `2026-05-21T15:30:00.874070+00:00`; infinity, BC and year 10000 as they are. */
static char *moment(char *out, Slice field)
{
    const char *text = field.text;
    size_t size = field.size;
    if (size < 19 || text[4] != '-' || memcmp(text + size - 3, "+00", 3))
        return json_text(out, field);
    out = copied(out, (Slice){text, 10});
    *out++ = 'T';
    out = copied(out, (Slice){text + 11, size - 14});
    if (size != 22)
        for (size_t clock = size - 14; clock < 15; clock++)
            *out++ = '0';
    return copied(out, (Slice){"+00:00", 6});
}

/* Write the bytes of a value. Return NULL for an escape that COPY does not write. */
static char *raw(char *out, Slice field)
{
    const char *at = field.text, *end = at + field.size, *found;
    while ((found = memchr(at, '\\', (size_t)(end - at)))) {
        static const char names[] = "bfnrtv\\", values[] = "\b\f\n\r\t\v\\";
        const char *name = found + 1 < end ? memchr(names, found[1], sizeof names - 1) : NULL;
        if (!name)
            return NULL;
        out = copied(out, (Slice){at, (size_t)(found - at)});
        *out++ = values[name - names];
        at = found + 2;
    }
    return copied(out, (Slice){at, (size_t)(end - at)});
}

static char *in_one_line(char *out, Slice field)
{
    char *end = raw(out, field);
    for (char *at = out; end && at < end; at++)
        if (*at == '\n')
            *at = ' ';
    return end;
}

/* Write each quote of a text twice, from its end on, so that nothing is overwritten before it is moved. */
static char *with_double_quotes(char *start, char *end)
{
    size_t quotes = 0;
    for (const char *at = start; at < end; at++)
        quotes += *at == '"';
    char *to = end + quotes, *last = to;
    while (to > end) {
        *--to = *--end;
        if (*to == '"')
            *--to = '"';
    }
    return last;
}

/* Whether a spreadsheet reads a value as a formula, or an apostrophe as none of it; see `_FORMULA` of row_formats.py. */
static int is_formula(Slice field)
{
    static const char *const starts[] = {"=", "+", "-", "@", "'", "\\t", "\\r", "\\n",
                                         "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
    for (size_t at = 0; at < sizeof starts / sizeof *starts; at++)
        if (field.size >= strlen(starts[at]) && !memcmp(field.text, starts[at], strlen(starts[at])))
            return 1;
    return 0;
}

static char *quoted(char *out, Slice field, int defused)
{
    if (defused && is_formula(field))
        *out++ = '\'';
    char *end = raw(out, field);
    return end ? with_double_quotes(out, end) : NULL;
}

static char *truth(char *out, Slice field)
{
    if (field.size != 1 || (*field.text != 't' && *field.text != 'f'))
        return NULL;
    return copied(out, *field.text == 't' ? (Slice){"true", 4} : (Slice){"false", 5});
}

/* Whether a text is `2026-05-21 15:30:00.87407+00`, with up to six digits of a second or none. */
static int is_printed_moment(Slice text)
{
    static const char pattern[] = "dddd-dd-dd dd:dd:dd.dddddd";
    size_t seconds = 19, size = text.size - 3;
    if (text.size < 22 || text.size > 29 || size == seconds + 1 || memcmp(text.text + size, "+00", 3))
        return 0;
    for (size_t at = 0; at < size; at++) {
        char c = text.text[at];
        if (pattern[at] == 'd' ? c < '0' || c > '9' : c != pattern[at])
            return 0;
    }
    return 1;
}

static size_t digits_of(const char *nine, enum form form)
{
    static const size_t fixed[] = {0, 3, 6, 9};
    if (form <= ISO_9)
        return fixed[form - ISO_0];
    size_t kept = 9;
    while (kept && nine[kept - 1] == '0')
        kept--;
    if (form == ISO_PYTHON)
        return kept ? 6 : 0;
    return form == ISO_JAVA ? (kept + 2) / 3 * 3 : kept;
}

static char *iso(char *out, Slice field, enum form form)
{
    char nine[] = "000000000";
    if (!is_printed_moment(field))
        return NULL;
    if (field.size > 22)
        memcpy(nine, field.text + 20, field.size - 23);
    out = copied(out, (Slice){field.text, 19});
    out[-9] = 'T';
    size_t digits = digits_of(nine, form);
    if (digits)
        *out++ = '.';
    return copied(out, (Slice){nine, digits});
}

/* Write a value with what is around it. Return NULL for one that is left to Python. */
static char *written(char *out, Slice field, const Piece *piece)
{
    if (is_null(field))
        return copied(out, piece->null);
    if (piece->refuses) {
        int found = 0;
        for (size_t at = 0; at < field.size; at++)
            found |= piece->refused[(unsigned char)field.text[at]];
        if (found)
            return NULL;
    }
    out = copied(out, piece->open);
    switch (piece->form) {
    case TEXT: out = json_text(out, field); break;
    case RAW: out = raw(out, field); break;
    case MOMENT: out = moment(out, field); break;
    case SWITCH: out = truth(out, field); break;
    case DOCUMENT: out = in_one_line(out, field); break;
    case QUOTED: out = quoted(out, field, 0); break;
    case DEFUSED: out = quoted(out, field, 1); break;
    case CANONICAL: out = is_printed_moment(field) ? moment(out, field) : NULL; break;
    default: out = iso(out, field, piece->form);
    }
    return out ? copied(out, piece->close) : NULL;
}

static int lowest_bit(unsigned bits)
{
#ifdef __GNUC__
    return __builtin_ctz(bits);
#else
    int at = 0;
    for (; !(bits & 1u); bits >>= 1)
        at++;
    return at;
#endif
}

enum { STEP = 16 }; /* bytes that are searched for separators at a time */

/* Return which of the next bytes are separators, the first in the lowest bit. */
static unsigned separators(const char *text, size_t size)
{
    unsigned found = 0;
#ifdef __SSE2__
    if (size >= STEP) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)text);
        __m128i tabs = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')), ends = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'));
        return (unsigned)_mm_movemask_epi8(_mm_or_si128(tabs, ends));
    }
#endif
    for (size_t at = 0; at < size && at < STEP; at++)
        found |= (unsigned)(text[at] == '\t' || text[at] == '\n') << at;
    return found;
}

/* Note where a field ends. Every row ends with a newline, and its other fields with tabs; those in values are escaped. */
static int end_field(Rows *rows, size_t at, Py_ssize_t *place, size_t *row)
{
    int last = ++*place == rows->width;
    if (last != (rows->text[at] == '\n'))
        return -1;
    rows->ends[rows->rows * rows->width + *place - 1] = (uint32_t)at;
    if (last) {
        rows->longest = at - *row > rows->longest ? at - *row : rows->longest;
        rows->rows++;
        *row = at + 1;
        *place = 0;
    }
    return 0;
}

static int find_fields(Rows *rows, size_t size)
{
    size_t capacity = 0, row = 0;
    Py_ssize_t place = 0;
    for (size_t start = 0; start < size && size < UINT32_MAX; start += STEP) {
        size_t needed = (size_t)(rows->rows * rows->width + place) + STEP;
        if (needed > capacity) {
            capacity = 2 * needed;
            uint32_t *ends = PyMem_Realloc(rows->ends, capacity * sizeof *ends);
            if (!ends) {
                PyErr_NoMemory();
                return -1;
            }
            rows->ends = ends;
        }
        for (unsigned found = separators(rows->text + start, size - start); found; found &= found - 1)
            if (end_field(rows, start + (size_t)lowest_bit(found), &place, &row))
                goto wrong;
    }
    if (row == size)
        return 0;
wrong:
    PyErr_SetString(PyExc_ValueError, "not rows of this width");
    return -1;
}

static PyObject *rows_new(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    static char *given[] = {"data", "width", NULL};
    PyObject *data;
    Py_ssize_t width, size;
    char *text;
    if (!PyArg_ParseTupleAndKeywords(arguments, names, "Sn", given, &data, &width))
        return NULL;
    if (width < 1 || PyBytes_AsStringAndSize(data, &text, &size))
        return width < 1 ? PyErr_Format(PyExc_ValueError, "width must be positive") : NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Rows *rows = (Rows *)allocate(type, 0);
    if (!rows)
        return NULL;
    Py_INCREF(data);
    rows->data = data;
    rows->text = text;
    rows->width = width;
    if (find_fields(rows, (size_t)size)) {
        Py_DECREF(rows);
        return NULL;
    }
    return (PyObject *)rows;
}

static void rows_dealloc(PyObject *self)
{
    Rows *rows = (Rows *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(rows->ends);
    Py_XDECREF(rows->data);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static Py_ssize_t rows_length(PyObject *self)
{
    return ((Rows *)self)->rows;
}

static int is_place(const Rows *rows, Py_ssize_t place)
{
    if (place >= 0 && place < rows->width)
        return 1;
    PyErr_Format(PyExc_IndexError, "there is no field %zd", place);
    return 0;
}

/* Return a field of every row as JSON text. */
static PyObject *column(PyObject *self, PyObject *arguments)
{
    const Rows *rows = (Rows *)self;
    Py_ssize_t place;
    int canonical;
    if (!PyArg_ParseTuple(arguments, "np", &place, &canonical) || !is_place(rows, place))
        return NULL;
    char *buffer = PyMem_Malloc(rows->longest * GROWTH + ROOM);
    PyObject *list = buffer ? PyList_New(rows->rows) : PyErr_NoMemory();
    for (Py_ssize_t row = 0; list && row < rows->rows; row++) {
        Slice text = field(rows, row, place);
        if (canonical || !is_plain(text)) {
            char *end = canonical ? moment(buffer, text) : json_text(buffer, text);
            text = (Slice){buffer, (size_t)(end - buffer)};
        }
        PyObject *value = PyUnicode_DecodeLatin1(text.text, (Py_ssize_t)text.size, NULL);
        if (!value || PyList_SetItem(list, row, value))
            Py_CLEAR(list);
    }
    PyMem_Free(buffer);
    return list;
}

static PyObject *decoded(char *buffer, Slice field)
{
    char *end = raw(buffer, field);
    if (!end)
        return PyErr_Format(PyExc_ValueError, "an escape that COPY does not write");
    return PyUnicode_DecodeUTF8(buffer, end - buffer, NULL);
}

/* Return a field of every row as a string, None if there is no value; None for all if one is not UTF-8. */
static PyObject *values(PyObject *self, PyObject *arguments)
{
    const Rows *rows = (Rows *)self;
    Py_ssize_t place;
    if (!PyArg_ParseTuple(arguments, "n", &place) || !is_place(rows, place))
        return NULL;
    char *buffer = PyMem_Malloc(rows->longest + 1);
    PyObject *list = buffer ? PyList_New(rows->rows) : PyErr_NoMemory();
    for (Py_ssize_t row = 0; list && row < rows->rows; row++) {
        Slice text = field(rows, row, place);
        PyObject *value = is_null(text) ? Py_NewRef(Py_None) : decoded(buffer, text);
        if (!value || PyList_SetItem(list, row, value))
            Py_CLEAR(list);
    }
    PyMem_Free(buffer);
    if (list || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
        return list;
    PyErr_Clear();
    return Py_NewRef(Py_None);
}

static PyObject *in_hex(const char *bytes)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * SHA256_BYTES];
    for (int at = 0; at < SHA256_BYTES; at++) {
        hex[2 * at] = digits[(unsigned char)bytes[at] >> 4];
        hex[2 * at + 1] = digits[bytes[at] & 15];
    }
    return PyUnicode_DecodeLatin1(hex, sizeof hex, NULL);
}

/* Put a member into a dictionary: the value of a string, the canonical JSON of anything else. */
static int put_member(PyObject *into, const Member *member, const char *text, size_t size, char *room)
{
    Slice value = {text, size};
    if (*text == '"')
        value = (Slice){room, string_value(text, size, room)};
    PyObject *key = PyUnicode_DecodeUTF8(member->key, (Py_ssize_t)member->key_size, NULL);
    PyObject *found = key ? PyUnicode_DecodeUTF8(value.text, (Py_ssize_t)value.size, NULL) : NULL;
    int failed = !found || PyDict_SetItem(into, key, found);
    Py_XDECREF(key);
    Py_XDECREF(found);
    return failed;
}

/* Return the hash of a document's canonical JSON, its members that are strings, and the canonical JSON of the others. */
static PyObject *members_of(const char *written, size_t size, const Members *members, char *room)
{
    char hash[SHA256_BYTES];
    PyObject *strings = PyDict_New(), *others = PyDict_New(), *found = NULL;
    int failed = !strings || !others;
    for (size_t at = 0; !failed && at < members->count; at++) {
        const Member *member = &members->items[at];
        size_t before = member->key_size + 3; /* the quotes and the colon */
        const char *value = written + member->start + before;
        failed = put_member(*value == '"' ? strings : others, member, value, member->size - before, room);
    }
    sha256_one(written, size, hash);
    PyObject *hex = failed ? NULL : in_hex(hash);
    if (hex)
        found = PyTuple_Pack(3, hex, strings, others);
    Py_XDECREF(hex);
    Py_XDECREF(strings);
    Py_XDECREF(others);
    return found;
}

/* Return a document as `documents` says; `room` has three times the bytes of the longest. */
static PyObject *document_of(Slice field, char *room, size_t longest, Members *members)
{
    size_t written;
    char *end = raw(room, field);
    if (is_null(field) || (field.size == 4 && !memcmp(field.text, "null", 4)))
        return Py_NewRef(Py_None);
    if (!end)
        return PyErr_Format(PyExc_ValueError, "an escape that COPY does not write");
    size_t size = (size_t)(end - room);
    switch (canonical_object(room, size, room + longest, room + 2 * longest, &written, members)) {
    case READ: return members_of(room + longest, written, members, room + 2 * longest);
    case NO_MEMORY: return PyErr_NoMemory();
    default: return PyUnicode_DecodeUTF8(room, (Py_ssize_t)size, NULL);
    }
}

static PyObject *documents(PyObject *self, PyObject *arguments)
{
    const Rows *rows = (Rows *)self;
    Members members = {0};
    Py_ssize_t place;
    if (!PyArg_ParseTuple(arguments, "n", &place) || !is_place(rows, place))
        return NULL;
    char *room = PyMem_Malloc(3 * rows->longest + 1);
    PyObject *list = room ? PyList_New(rows->rows) : PyErr_NoMemory();
    for (Py_ssize_t row = 0; list && row < rows->rows; row++) {
        PyObject *value = document_of(field(rows, row, place), room, rows->longest, &members);
        if (!value || PyList_SetItem(list, row, value))
            Py_CLEAR(list);
    }
    free(members.items);
    PyMem_Free(room);
    return list;
}

/* A payload is made of pieces and a constant at its end. The pieces' constants belong to the caller's tuples. */
typedef struct {
    Piece *pieces;
    Py_ssize_t count;
    Slice end;
    size_t constants; /* bytes in all that is not a field */
} Plan;

/* Let PyArg_ParseTuple read bytes. Not by `y#`: what that compiles to depends on the Python that builds. */
static int bytes_of(PyObject *given, void *slice)
{
    char *text;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(given, &text, &size))
        return 0;
    *(Slice *)slice = (Slice){text, (size_t)size};
    return 1;
}

static int piece_from(Piece *piece, const Rows *rows, PyObject *given, size_t *constants)
{
    Slice refused;
    int form;
    if (!PyTuple_Check(given)) {
        PyErr_SetString(PyExc_TypeError, "a piece must be a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "O&niO&O&O&O&", bytes_of, &piece->before, &piece->place, &form, bytes_of, &piece->open,
                          bytes_of, &piece->close, bytes_of, &piece->null, bytes_of, &refused))
        return -1;
    if (!is_place(rows, piece->place))
        return -1;
    if (form < 0 || form >= FORMS) {
        PyErr_Format(PyExc_ValueError, "there is no form %d", form);
        return -1;
    }
    piece->form = (enum form)form;
    *constants += piece->before.size + piece->open.size + piece->close.size + piece->null.size;
    memset(piece->refused, 0, sizeof piece->refused);
    for (size_t at = 0; at < refused.size; at++)
        piece->refused[(unsigned char)refused.text[at]] = 1;
    piece->refuses = refused.size > 0;
    return 0;
}

static int plan_from(Plan *plan, const Rows *rows, PyObject *pieces)
{
    plan->count = PyTuple_Size(pieces);
    plan->constants = plan->end.size;
    plan->pieces = PyMem_Malloc(sizeof(Piece) * (size_t)(plan->count + 1));
    if (!plan->pieces) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t at = 0; at < plan->count; at++)
        if (piece_from(&plan->pieces[at], rows, PyTuple_GetItem(pieces, at), &plan->constants))
            return -1;
    return 0;
}

/* Text that grows. It is used without the GIL, hence not by an allocator of Python. */
typedef struct {
    char *start;
    size_t size, room;
} Text;

static int reserve(Text *text, size_t more)
{
    if (more <= text->room - text->size)
        return 0;
    size_t room = 2 * (text->size + more);
    char *start = realloc(text->start, room);
    if (!start)
        return -1;
    text->start = start;
    text->room = room;
    return 0;
}

/* Texts that are hashed two at a time: one waits for the next. */
typedef struct {
    Text texts[2];
    char *hashes[2]; /* where to write them */
    int waiting;     /* how many of the two are complete */
} Pair;

static Text *next_text(Pair *pair)
{
    Text *text = &pair->texts[pair->waiting];
    text->size = 0;
    return text;
}

/* Have the text that was written to `next_text` hashed, by `hash_rest` at the latest. */
static void hash_text(Pair *pair, char *hash)
{
    pair->hashes[pair->waiting++] = hash;
    if (pair->waiting < 2)
        return;
    const Text *texts = pair->texts;
    sha256_two((const char *[2]){texts[0].start, texts[1].start}, (size_t[2]){texts[0].size, texts[1].size},
               pair->hashes);
    pair->waiting = 0;
}

static void hash_rest(Pair *pair)
{
    if (pair->waiting)
        sha256_one(pair->texts[0].start, pair->texts[0].size, pair->hashes[0]);
    free(pair->texts[0].start);
    free(pair->texts[1].start);
}

/* Make room for the payload of a row, whose plan may have a field several times, and for more. */
static int reserve_payload(Text *text, const Plan *plan, const Rows *rows, Py_ssize_t row, size_t more)
{
    size_t most = plan->constants + more + 1;
    for (Py_ssize_t at = 0; at < plan->count; at++)
        most += field(rows, row, plan->pieces[at].place).size * GROWTH + ROOM;
    return reserve(text, most);
}

/* Write the payload of a row. Return NULL if Python has to. */
static char *payload(char *out, const Plan *plan, const Rows *rows, Py_ssize_t row)
{
    for (Py_ssize_t at = 0; out && at < plan->count; at++) {
        const Piece *piece = &plan->pieces[at];
        out = copied(out, piece->before);
        out = written(out, field(rows, row, piece->place), piece);
    }
    return out ? copied(out, plan->end) : NULL;
}

/* Hash the payload of every row, each as bytes after whether there is a hash. Return -1 if there is no memory. */
static int hash_rows(const Plan *plan, const Rows *rows, char *found)
{
    Pair pair = {0};
    int failed = 0;
    for (Py_ssize_t row = 0; row < rows->rows; row++, found += 1 + SHA256_BYTES) {
        Text *text = next_text(&pair);
        if ((failed = reserve_payload(text, plan, rows, row, 0)))
            break;
        char *end = payload(text->start, plan, rows, row);
        *found = end != NULL;
        if (end) {
            text->size = (size_t)(end - text->start);
            hash_text(&pair, found + 1);
        }
    }
    hash_rest(&pair);
    return failed;
}

/* Return the hash of every row's payload, as hexadecimal digits or bytes, None for a row that is left to Python. */
static PyObject *hashes(PyObject *self, PyObject *arguments)
{
    const Rows *rows = (Rows *)self;
    Plan plan = {0};
    PyObject *pieces, *list = NULL;
    char *found = NULL;
    int as_bytes = 0, failed;
    if (!PyArg_ParseTuple(arguments, "O!O&|p", &PyTuple_Type, &pieces, bytes_of, &plan.end, &as_bytes))
        return NULL;
    if (plan_from(&plan, rows, pieces))
        goto done;
    found = PyMem_Malloc((size_t)rows->rows * (1 + SHA256_BYTES) + 1);
    failed = !found;
    Py_BEGIN_ALLOW_THREADS
    failed = failed || hash_rows(&plan, rows, found);
    Py_END_ALLOW_THREADS
    list = failed ? PyErr_NoMemory() : PyList_New(rows->rows);
    for (Py_ssize_t row = 0; list && row < rows->rows; row++) {
        const char *hash = found + row * (1 + SHA256_BYTES);
        PyObject *value = !*hash     ? Py_NewRef(Py_None)
                          : as_bytes ? PyBytes_FromStringAndSize(hash + 1, SHA256_BYTES)
                                     : in_hex(hash + 1);
        if (!value || PyList_SetItem(list, row, value))
            Py_CLEAR(list);
    }
done:
    PyMem_Free(plan.pieces);
    PyMem_Free(found);
    return list;
}

/* Return all rows as bytes, joined; None if one is left to Python. */
static PyObject *written_rows(PyObject *self, PyObject *arguments)
{
    const Rows *rows = (Rows *)self;
    Plan plan = {0};
    PyObject *pieces, *found = NULL;
    Slice between;
    Text text = {0};
    int failed = 0, left = 0;
    if (!PyArg_ParseTuple(arguments, "O!O&O&", &PyTuple_Type, &pieces, bytes_of, &plan.end, bytes_of, &between))
        return NULL;
    if (plan_from(&plan, rows, pieces))
        goto done;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t row = 0; !failed && !left && row < rows->rows; row++) {
        if ((failed = reserve_payload(&text, &plan, rows, row, between.size)))
            break;
        char *start = text.start + text.size;
        char *end = payload(row ? copied(start, between) : start, &plan, rows, row);
        left = !end;
        text.size = end ? (size_t)(end - text.start) : text.size;
    }
    Py_END_ALLOW_THREADS
    if (failed)
        PyErr_NoMemory();
    else
        found = left ? Py_NewRef(Py_None) : PyBytes_FromStringAndSize(text.start, (Py_ssize_t)text.size);
done:
    PyMem_Free(plan.pieces);
    free(text.start);
    return found;
}

static PyMethodDef methods[] = {
    {"column", column, METH_VARARGS,
     "column(place, canonical)\n--\n\nReturn a field of every row as JSON text, in canonical form if it is a moment."},
    {"values", values, METH_VARARGS,
     "values(place)\n--\n\nReturn a field of every row as a string or None; None for all if one is not UTF-8."},
    {"documents", documents, METH_VARARGS,
     "documents(place)\n--\n\nReturn a field of every row as JSON: the SHA-256 of its canonical JSON in hexadecimal digits, its members\n"
     "that are strings, and the canonical JSON of the others. One that Python has to read is returned as it is, null as None."},
    {"hashes", hashes, METH_VARARGS,
     "hashes(pieces, end, as_bytes=False)\n--\n\nReturn the SHA-256 of every row's payload, in hexadecimal digits or bytes.\n\n"
     "A row whose payload only Python can write has None. A piece is a constant, the place and the form of a field, what\n"
     "is before and after its value, what is written for NULL, and bytes that leave a value to Python."},
    {"written", written_rows, METH_VARARGS,
     "written(pieces, end, between)\n--\n\nReturn every row as `hashes` would hash it, joined; None if one is left to Python."},
    {NULL, NULL, 0, NULL},
};

static int append(Text *text, Slice part)
{
    if (reserve(text, part.size))
        return -1;
    text->size = (size_t)(copied(text->start + text->size, part) - text->start);
    return 0;
}

/* Hash each so many texts of a list in turn, after a byte that says what they are. Return -1 and raise if it fails. */
static int hash_lists(PyObject *texts, Py_ssize_t together, char kind, Py_ssize_t count, char *hashes)
{
    Pair pair = {0};
    int failed = 0;
    for (Py_ssize_t at = 0; !failed && at < count; at++) {
        Text *text = next_text(&pair);
        failed = append(text, (Slice){&kind, 1});
        for (Py_ssize_t place = at * together; !failed && place < (at + 1) * together; place++) {
            Slice part;
            failed = !bytes_of(PyList_GetItem(texts, place), &part) || append(text, part);
        }
        if (!failed)
            hash_text(&pair, hashes + at * SHA256_BYTES);
    }
    hash_rest(&pair);
    if (failed && !PyErr_Occurred())
        PyErr_NoMemory();
    return failed ? -1 : 0;
}

/* Return the hash of each so many texts in turn (RFC 6962, section 2.1). */
static PyObject *tree_hashes(PyObject *texts, Py_ssize_t together, char kind)
{
    PyObject *given = PySequence_List(texts), *list = NULL;
    if (!given)
        return NULL;
    Py_ssize_t count = PyList_Size(given) / together;
    char *hashes = PyMem_Malloc((size_t)count * SHA256_BYTES + 1);
    if (!hashes)
        PyErr_NoMemory();
    else if (!hash_lists(given, together, kind, count, hashes))
        list = PyList_New(count);
    for (Py_ssize_t at = 0; list && at < count; at++) {
        PyObject *value = PyBytes_FromStringAndSize(hashes + at * SHA256_BYTES, SHA256_BYTES);
        if (!value || PyList_SetItem(list, at, value))
            Py_CLEAR(list);
    }
    PyMem_Free(hashes);
    Py_DECREF(given);
    return list;
}

static PyObject *leaves(PyObject *self, PyObject *texts)
{
    (void)self;
    return tree_hashes(texts, 1, 0);
}

static PyObject *nodes(PyObject *self, PyObject *hashes)
{
    (void)self;
    return tree_hashes(hashes, 2, 1);
}

static PyMethodDef functions[] = {
    {"leaves", leaves, METH_O, "leaves(texts)\n--\n\nReturn the hash of the leaf for each text, for a Merkle tree."},
    {"nodes", nodes, METH_O, "nodes(hashes)\n--\n\nReturn the hash of the node over each two hashes."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Rows(data, width)\n--\n\nRows of COPY text with so many fields. Raises ValueError if they are not."},
    {Py_tp_new, rows_new},
    {Py_tp_dealloc, rows_dealloc},
    {Py_sq_length, rows_length},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec rows_spec = {
    .name = "pytest_audit_ledger.native.core.Rows",
    .basicsize = sizeof(Rows),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

static int fill(PyObject *module)
{
    sha256_choose();
    PyObject *type = PyType_FromSpec(&rows_spec);
    if (!type || PyModule_AddObject(module, "Rows", type)) {
        Py_XDECREF(type);
        return -1;
    }
    return 0;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "core",
    .m_doc = "The native core: COPY text to columns and hashes (see core.c).",
    .m_methods = functions,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit_core(void);

PyMODINIT_FUNC PyInit_core(void)
{
    return PyModuleDef_Init(&definition);
}
