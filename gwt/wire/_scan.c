/* The one loop over a message head's bytes, compiled. gwt/wire/scan.py holds the same in Python and says what it means. */
#define _GNU_SOURCE /* memmem */
#include "_lines.h"

static PyObject *malformed(const char *message)
{
    PyErr_SetString(PyExc_ValueError, message);
    return NULL;
}

/* Append (kind, name, value) to a list. */
static int note(PyObject *list, long kind, const char *name, Py_ssize_t name_size, const char *value, Py_ssize_t value_size)
{
    PyObject *entry = Py_BuildValue("(ly#y#)", kind, name, name_size, value, value_size);
    if (entry == NULL)
        return -1;
    int failed = PyList_Append(list, entry);
    Py_DECREF(entry);
    return failed;
}

/* Set the head's attribute for a kind that has one and was not seen yet. Returns 1 if set, 0 if not, -1 with an error set. */
static int set_attribute(PyObject *head, PyObject *attributes, long kind, unsigned long *seen, const char *value, Py_ssize_t size)
{
    if (kind >= PyTuple_GET_SIZE(attributes) || *seen & (1ul << kind))
        return 0;
    PyObject *name = PyTuple_GET_ITEM(attributes, kind);
    if (name == Py_None)
        return 0;
    *seen |= 1ul << kind;
    PyObject *bytes = PyBytes_FromStringAndSize(value, size);
    if (bytes == NULL)
        return -1;
    int failed = PyObject_SetAttr(head, name, bytes);
    Py_DECREF(bytes);
    return failed < 0 ? -1 : 1;
}

/* What stays the same for all lines of one head. */
struct scanning {
    PyObject *names, *head, *attributes, *special;
    long forwarded_from;
    unsigned long seen;
};

/* One field line, which ends before `stop`. Returns 1 to keep it, 0 not to, -1 with an error set. */
static int field_line(const char *line, const char *stop, struct scanning *now)
{
    const char *at = line;
    while (at < stop && is_token[(unsigned char)*at])
        at++;
    if (at == line || at == stop || *at != ':') {
        malformed("a header line that is not NAME: VALUE");
        return -1;
    }
    long kind = kind_of(now->names, line, at - line);
    if (kind < 0)
        return -1;
    if (kind == 0)
        return 1;
    const char *value = at + 1, *end = stop;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    int set = kind < 64 ? set_attribute(now->head, now->attributes, kind, &now->seen, value, end - value) : 0;
    if (set < 0 || (set == 0 && note(now->special, kind, line, at - line, value, end - value) < 0))
        return -1;
    return kind >= now->forwarded_from;
}

static PyObject *scan(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count_of_args)
{
    if (count_of_args != 6 || !PyBytes_Check(args[0]) || !PyDict_Check(args[2]) || !PyTuple_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError, "scan(block, head, names, attributes, max_fields, forwarded_from)");
        return NULL;
    }
    PyObject *block = args[0];
    struct scanning now = {.head = args[1], .names = args[2], .attributes = args[3]};
    Py_ssize_t max_fields = PyLong_AsSsize_t(args[4]);
    now.forwarded_from = PyLong_AsLong(args[5]);
    if (PyErr_Occurred())
        return NULL;
    const char *at = PyBytes_AS_STRING(block), *end = at + PyBytes_GET_SIZE(block), *first_end = NULL;
    PyObject *kept = PyBytes_FromStringAndSize(NULL, PyBytes_GET_SIZE(block) + 2);
    PyObject *special = now.special = PyList_New(0);
    PyObject *result = NULL, *first = NULL;
    if (kept == NULL || special == NULL)
        goto done;
    char *out = PyBytes_AS_STRING(kept);
    Py_ssize_t fields = 0;
    for (Py_ssize_t count = 0; at <= end; count++) {
        const char *stop = at < end ? memchr(at, '\r', end - at) : NULL;
        if (stop == NULL)
            stop = end;
        if (!only_text(at, stop) || (stop < end && (end - stop < 2 || stop[1] != '\n'))) {
            malformed("a control character or a bare CR or LF in the head");
            goto done;
        }
        if (count == 0) {
            first_end = stop;
        } else {
            fields = count;
            int keep = field_line(at, stop, &now);
            if (keep < 0)
                goto done;
            if (keep) {
                memcpy(out, at, stop - at);
                out += stop - at;
                *out++ = '\r';
                *out++ = '\n';
            }
        }
        at = stop + 2;
        if (stop == end)
            break;
    }
    if (fields > max_fields) {
        PyErr_SetString(PyExc_OverflowError, "too many header fields");
        goto done;
    }
    first = PyBytes_FromStringAndSize(PyBytes_AS_STRING(block), first_end - PyBytes_AS_STRING(block));
    if (first != NULL && _PyBytes_Resize(&kept, out - PyBytes_AS_STRING(kept)) == 0)
        result = PyTuple_Pack(3, first, kept, special);
done:
    Py_XDECREF(first);
    Py_XDECREF(kept);
    Py_XDECREF(special);
    return result;
}

/* (method, target, path, query or None) of an ordinary HTTP/1.1 request line; None for any other. */
static PyObject *split_request_line(PyObject *Py_UNUSED(self), PyObject *line)
{
    if (!PyBytes_Check(line))
        return malformed("a request line is bytes");
    if (PyBytes_GET_SIZE(line) <= 9)
        Py_RETURN_NONE;
    const char *start = PyBytes_AS_STRING(line), *end = start + PyBytes_GET_SIZE(line) - 9;
    const char *target = start, *query = NULL, *at;
    if (memcmp(end, " HTTP/1.1", 9) != 0)
        Py_RETURN_NONE;
    while (target < end && is_token[(unsigned char)*target])
        target++;
    if (target == start || end - target < 2 || target[0] != ' ' || target[1] != '/')
        Py_RETURN_NONE;
    for (at = ++target; at < end; at++) {
        if (*at <= ' ' || *at > '~' || *at == '#')
            Py_RETURN_NONE;
        if (*at == '?' && query == NULL)
            query = at + 1;
    }
    const char *path_end = query ? query - 1 : end;
    PyObject *parts[4] = {
        PyBytes_FromStringAndSize(start, target - 1 - start),
        PyBytes_FromStringAndSize(target, end - target),
        PyBytes_FromStringAndSize(target, path_end - target),
        query ? PyBytes_FromStringAndSize(query, end - query) : Py_NewRef(Py_None),
    };
    PyObject *found = NULL;
    if (parts[0] && parts[1] && parts[2] && parts[3])
        found = PyTuple_Pack(4, parts[0], parts[1], parts[2], parts[3]);
    for (int i = 0; i < 4; i++)
        Py_XDECREF(parts[i]);
    return found;
}

/* head_end(data, start, stop): where the empty line after a head begins, -1 where there is none. */
static PyObject *head_end(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count)
{
    if (count != 3 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "head_end(data, start, stop)");
        return NULL;
    }
    Py_ssize_t start = PyLong_AsSsize_t(args[1]), stop = PyLong_AsSsize_t(args[2]), size = PyBytes_GET_SIZE(args[0]);
    if (PyErr_Occurred())
        return NULL;
    stop = stop < size ? stop : size;
    const char *data = PyBytes_AS_STRING(args[0]);
    const char *found = start < stop ? memmem(data + start, stop - start, "\r\n\r\n", 4) : NULL;
    return PyLong_FromSsize_t(found ? found - data : -1);
}

static PyMethodDef methods[] = {
    {"head_end", (PyCFunction)(void (*)(void))head_end, METH_FASTCALL, "See gwt.wire.scan."},
    {"split_request_line", split_request_line, METH_O, "See gwt.wire.scan."},
    {"scan", (PyCFunction)(void (*)(void))scan, METH_FASTCALL, "See gwt.wire.scan."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_scan", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__scan(void)
{
    fill_tables();
    return PyModule_Create(&module);
}
