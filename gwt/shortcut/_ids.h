/* Identifiers: gwt.wire.forwarded's Ids, request_id and traceparent. */
#ifndef GWT_IDS_H
#define GWT_IDS_H
#include "_heads.h"

/* So many random hexadecimal digits into `to`; -1 with an error set. */
static int random_digits(PyObject *ids, Py_ssize_t digits, char *to)
{
    PyObject *block = SLOT(ids, Ids, _block);
    Py_ssize_t at = PyLong_AsSsize_t(SLOT(ids, Ids, _at));
    if (at >= 0 && at + digits <= PyBytes_GET_SIZE(block)) {
        memcpy(to, PyBytes_AS_STRING(block) + at, digits);
        return ADD(ids, Ids, _at, digits);
    }
    PyObject *count = PyLong_FromSsize_t(digits);
    PyObject *taken = count ? PyObject_CallMethodOneArg(ids, name_take, count) : NULL; /* draws a new block */
    Py_XDECREF(count);
    if (taken == NULL)
        return -1;
    memcpy(to, PyBytes_AS_STRING(taken), digits);
    Py_DECREF(taken);
    return 0;
}

/* The client's X-Request-Id where it is one, else a new one. */
static PyObject *request_id(struct span said, PyObject *ids)
{
    Py_ssize_t fine = 0;
    if (said.at != NULL && said.size <= 128)
        while (fine < said.size && (Py_ISALNUM(said.at[fine]) || said.at[fine] == '.' || said.at[fine] == '_' || said.at[fine] == '-'))
            fine++;
    if (fine > 0 && fine == said.size)
        return bytes_of(said);
    PyObject *made = PyBytes_FromStringAndSize(NULL, 32);
    if (made != NULL && random_digits(ids, 32, PyBytes_AS_STRING(made)) < 0)
        Py_CLEAR(made);
    return made;
}

#define TRACEPARENT_SIZE 55

static int is_hex(const char *at, Py_ssize_t size, int may_be_zero)
{
    int zero = 1;
    for (Py_ssize_t i = 0; i < size; i++) {
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f')))
            return 0;
        zero &= at[i] == '0';
    }
    return may_be_zero || !zero;
}

/* The client's traceparent where it is one (W3C Trace Context), else a new one that asks nobody to sample. */
static int traceparent(PyObject *said, PyObject *ids, char *to)
{
    if (said != Py_None && PyBytes_GET_SIZE(said) == TRACEPARENT_SIZE) {
        const char *at = PyBytes_AS_STRING(said);
        if (is_hex(at, 2, 1) && memcmp(at, "ff", 2) != 0 && at[2] == '-' && is_hex(at + 3, 32, 0) && at[35] == '-'
            && is_hex(at + 36, 16, 0) && at[52] == '-' && is_hex(at + 53, 2, 1)) {
            memcpy(to, at, TRACEPARENT_SIZE);
            return 0;
        }
    }
    memcpy(to, "00-", 3);
    to[35] = '-';
    memcpy(to + 52, "-00", 3);
    return random_digits(ids, 32, to + 3) < 0 || random_digits(ids, 16, to + 36) < 0 ? -1 : 0;
}

#endif
