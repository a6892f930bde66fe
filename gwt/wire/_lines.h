/* What a message head is made of, byte by byte: shared by the compiled modules (gwt/wire/_scan.c, gwt/shortcut). */
#ifndef GWT_LINES_H
#define GWT_LINES_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

static unsigned char is_token[256]; /* RFC 9110 5.6.2 */
static unsigned char is_text[256];  /* HTAB, SP, VCHAR, obs-text: RFC 9110 5.5 */

static void fill_tables(void)
{
    const char *extra = "!#$%&'*+-.^_`|~";
    for (int c = 0; c < 256; c++) {
        is_text[c] = c == 9 || (c >= 0x20 && c != 0x7f);
        is_token[c] = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    for (; *extra; extra++)
        is_token[(unsigned char)*extra] = 1;
}

/* Whether all bytes are text; eight at a time where none of them is a control character (HTAB included). */
static int only_text(const char *at, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    while (at < end) {
        if (end - at >= 8) {
            uint64_t eight, deleted;
            memcpy(&eight, at, 8);
            deleted = eight ^ ones * 0x7f;
            if (!(((eight - ones * 0x20) & ~eight & tops) | ((deleted - ones) & ~deleted & tops))) {
                at += 8;
                continue;
            }
        }
        if (!is_text[(unsigned char)*at++])
            return 0;
    }
    return 1;
}

/* Spellings seen before, by their bytes: what a name means never changes, so entries are only ever written over. */
#define SPELLINGS 1024
#define LONGEST 31
struct spelling {
    PyObject *names;
    long kind;
    unsigned char size;
    char name[LONGEST];
};
static struct spelling spellings[SPELLINGS];

static long ask(PyObject *names, const char *name, Py_ssize_t size);

/* The kind of a name, by the memory of spellings; -1 with an error set. */
static long kind_of(PyObject *names, const char *name, Py_ssize_t size)
{
    if (size > LONGEST || size < 2)
        return ask(names, name, size);
    /* Names in use differ in their size or in one of these bytes; those that do not only have to be asked more often. */
    unsigned int hash = (unsigned int)size * 31u + (unsigned int)((uintptr_t)names >> 4);
    hash = (hash ^ (unsigned char)name[0]) * 16777619u;
    hash = (hash ^ (unsigned char)name[size / 2]) * 16777619u;
    hash = (hash ^ (unsigned char)name[size - 2]) * 16777619u;
    struct spelling *known = &spellings[(hash ^ hash >> 15) % SPELLINGS];
    if (known->names == names && known->size == size && memcmp(known->name, name, size) == 0)
        return known->kind;
    long kind = ask(names, name, size);
    if (kind >= 0) {
        if (known->names != names) { /* the dicts are a module's constants: kept alive, so that an address means one of them */
            Py_INCREF(names);
            Py_XDECREF(known->names);
        }
        known->names = names;
        known->kind = kind;
        known->size = (unsigned char)size;
        memcpy(known->name, name, size);
    }
    return kind;
}

/* The kind of a name from the dict, whose __missing__ knows those not seen before; -1 with an error set. */
static long ask(PyObject *names, const char *name, Py_ssize_t size)
{
    PyObject *key = PyBytes_FromStringAndSize(name, size);
    if (key == NULL)
        return -1;
    PyObject *kind = PyDict_GetItemWithError(names, key);
    if (kind != NULL)
        Py_INCREF(kind);
    else if (!PyErr_Occurred())
        kind = PyObject_GetItem(names, key);
    Py_DECREF(key);
    if (kind == NULL)
        return -1;
    long found = PyLong_AsLong(kind);
    Py_DECREF(kind);
    return found;
}

#endif
