/* Request.respond and Channel.answered: an answer of known length to a plain request, on a connection that goes on. */
#ifndef GWT_RESPOND_H
#define GWT_RESPOND_H
#include "_finish.h"
#include "_heads.h"

struct client {
    PyObject *exchange, *channel, *factory, *limits;
};

/* Whether the answer to `exchange` is written as it is, and its channel then waits for the next request. */
static int find_client(PyObject *exchange, struct client *it)
{
    it->exchange = exchange;
    PyObject *head = SLOT(exchange, Request, head), *channel = it->channel = SLOT(exchange, Request, channel);
    if (!IS(head, RequestHead) || !IS(channel, Channel))
        return 0;
    it->factory = SLOT(channel, Channel, factory);
    if (!IS(it->factory, HttpFactory) || SLOT(it->factory, HttpFactory, draining) != Py_False)
        return 0;
    it->limits = SLOT(it->factory, HttpFactory, limits);
    const char *method = PyBytes_AS_STRING(SLOT(head, RequestHead, method));
    return IS(it->limits, Limits) && strcmp(method, "HEAD") != 0
        && SLOT(head, RequestHead, http11) == Py_True && SLOT(head, RequestHead, keep_alive) == Py_True
        && SLOT(exchange, Request, gone) == Py_False && SLOT(exchange, Request, answering) == Py_False
        && SLOT(exchange, Request, body_done) == Py_True && SLOT(exchange, Request, close) == Py_False
        && SLOT(channel, Channel, state) == the_WAIT && SLOT(channel, Channel, request) == exchange
        && SLOT(channel, Channel, _ended_at) == Py_None && SLOT(channel, Channel, _stalled_at) == Py_None
        && PyLong_AsLong(SLOT(channel, Channel, _stopped)) == 0 && PyBytes_GET_SIZE(SLOT(channel, Channel, _buffer)) == 0;
}

static int write_to(PyObject *transport, PyObject *bytes)
{
    PyObject *written = PyObject_CallMethodOneArg(transport, name_write, bytes);
    Py_XDECREF(written);
    return written == NULL ? -1 : 0;
}

/* Write the answer (`bytes`, of which the body is `length`), tell that the exchange is over, and wait for the next. */
static int respond_with(const struct client *it, PyObject *status, PyObject *bytes, Py_ssize_t length)
{
    PyObject *exchange = it->exchange, *channel = it->channel;
    PyObject *sent = PyLong_FromSsize_t(length), *zero = PyLong_FromLong(0);
    if (sent == NULL || zero == NULL) {
        Py_XDECREF(sent); Py_XDECREF(zero);
        return -1;
    }
    PUT_NEW(exchange, Request, status, status);
    PUT(exchange, Request, bytes_out, sent);
    PUT_NEW(exchange, Request, answering, Py_True);
    PUT_NEW(exchange, Request, answered, Py_True);
    PUT_NEW(exchange, Request, reader, Py_None);
    int failed = write_to(SLOT(channel, Channel, transport), bytes) < 0
        || finished_by(SLOT(it->factory, HttpFactory, finished), exchange) < 0;
    double now = failed ? 0.0 : now_by(SLOT(it->factory, HttpFactory, clock));
    PyObject *due = failed ? NULL : PyFloat_FromDouble(now + float_of(SLOT(it->limits, Limits, idle_timeout)));
    PUT_NEW(channel, Channel, request, Py_None);
    PUT_NEW(channel, Channel, state, SLOT(channel, Channel, _stalled_at) == Py_None ? the_READY : the_HELD);
    PUT(channel, Channel, _counted, zero);
    if (due == NULL || PyErr_Occurred()) {
        Py_XDECREF(due);
        return -1;
    }
    PUT(channel, Channel, due, due);
    return 0;
}

/* Status line, fields, empty line, body. */
static PyObject *whole_answer(long status, PyObject *reason, PyObject *fields, PyObject *body)
{
    char line[16];
    int size = snprintf(line, sizeof line, "HTTP/1.1 %ld ", status);
    Py_ssize_t total = size + PyBytes_GET_SIZE(reason) + 4 + PyBytes_GET_SIZE(fields) + PyBytes_GET_SIZE(body);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, total);
    if (bytes == NULL)
        return NULL;
    char *to = add_text(PyBytes_AS_STRING(bytes), line, size);
    to = add_text(to, PyBytes_AS_STRING(reason), PyBytes_GET_SIZE(reason));
    to = add_text(to, "\r\n", 2);
    to = add_text(to, PyBytes_AS_STRING(fields), PyBytes_GET_SIZE(fields));
    to = add_text(to, "\r\n", 2);
    add_text(to, PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body));
    return bytes;
}

/* Whether a field line of that many bytes is one of these names (lower case). */
static int is_named(const char *line, Py_ssize_t size, PyObject *names)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        Py_ssize_t length = PyBytes_GET_SIZE(name);
        if (length < size && line[length] == ':' && strncasecmp(line, PyBytes_AS_STRING(name), length) == 0)
            return 1;
    }
    return 0;
}

/* Edit.changed */
static PyObject *changed(PyObject *edit, PyObject *exchange, PyObject *fields)
{
    PyObject *gone = SLOT(edit, Edit, gone), *parts = SLOT(edit, Edit, parts), *id = SLOT(exchange, Request, request_id);
    Py_ssize_t count = PyTuple_GET_SIZE(parts), most = PyBytes_GET_SIZE(fields) + (count - 1) * PyBytes_GET_SIZE(id);
    for (Py_ssize_t i = 0; i < count; i++)
        most += PyBytes_GET_SIZE(PyTuple_GET_ITEM(parts, i));
    PyObject *made = PyBytes_FromStringAndSize(NULL, most);
    if (made == NULL)
        return NULL;
    char *to = PyBytes_AS_STRING(made);
    const char *line = PyBytes_AS_STRING(fields), *end = line + PyBytes_GET_SIZE(fields), *next;
    for (; line < end; line = next) {
        const char *mark = memchr(line, '\n', end - line);
        next = mark ? mark + 1 : end;
        if (!is_named(line, next - line, gone))
            to = add_text(to, line, next - line);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *part = PyTuple_GET_ITEM(parts, i);
        if (i > 0)
            to = add_text(to, PyBytes_AS_STRING(id), PyBytes_GET_SIZE(id));
        to = add_text(to, PyBytes_AS_STRING(part), PyBytes_GET_SIZE(part));
    }
    _PyBytes_Resize(&made, to - PyBytes_AS_STRING(made));
    return made;
}

/* Whether no plugin wants to see the answer (any more). */
static int passes(PyObject *exchange)
{
    PyObject *phases = SLOT(exchange, Request, phases);
    if (phases == Py_None)
        return 1;
    PyObject *passing = PyObject_GetAttr(phases, name_passing);
    Py_XDECREF(passing);
    return passing == NULL ? -1 : passing == Py_True;
}

/* Request.respond(self, status, reason, fields, length, body, done) */
static int respond(PyObject *const *args)
{
    struct client it;
    PyObject *exchange = args[0], *reason = args[2], *fields = args[3], *body = args[5];
    if (!known || !IS(exchange, Request) || !PyLong_CheckExact(args[1]) || !PyBytes_CheckExact(reason) || !PyBytes_CheckExact(fields)
        || args[4] == Py_None || !PyBytes_CheckExact(body) || args[6] != Py_True || !find_client(exchange, &it)
        || PyLong_AsLong(SLOT(exchange, Request, bytes_out)) != 0)
        return 0;
    long status = PyLong_AsLong(args[1]);
    int passing = passes(exchange);
    if (status < 200 || status > 599 || status == 204 || status == 304 || passing <= 0)
        return passing < 0 ? -1 : 0;
    if (PyBytes_GET_SIZE(reason) == 0)
        reason = PyDict_GetItemWithError(the_reasons, args[1]);
    if (reason == NULL)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *edit = SLOT(exchange, Request, edit);
    if (edit != Py_None && !IS(edit, Edit))
        return 0;
    fields = edit == Py_None ? Py_NewRef(fields) : changed(edit, exchange, fields);
    PyObject *bytes = fields ? whole_answer(status, reason, fields, body) : NULL;
    Py_XDECREF(fields);
    if (bytes == NULL)
        return -1;
    Py_INCREF(it.channel);
    int failed = respond_with(&it, args[1], bytes, PyBytes_GET_SIZE(body)) < 0;
    Py_DECREF(it.channel);
    Py_DECREF(bytes);
    return failed ? -1 : 1;
}

#endif
