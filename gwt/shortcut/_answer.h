/* Connection.dataReceived for an answer that is here as a whole, its length said: back to the client in one write. */
#ifndef GWT_ANSWER_H
#define GWT_ANSWER_H
#include "_finish.h"
#include "_forward.h"

/* The exchange of a connection, where nothing unusual has happened in it. */
struct under_way {
    PyObject *connection, *forward, *exchange, *channel, *factory, *proxy, *state, *limits;
};

static int nothing_unusual(const struct under_way *it)
{
    PyObject *connection = it->connection, *forward = it->forward, *exchange = it->exchange, *channel = it->channel;
    return SLOT(connection, Connection, reusable) == Py_True && SLOT(connection, Connection, _paused) == Py_False
        && SLOT(connection, Connection, _to_head) == Py_False
        && SLOT(forward, Forward, _connection) == connection && SLOT(forward, Forward, _slot) != Py_None
        && SLOT(forward, Forward, _started) == Py_False && SLOT(forward, Forward, _retrying) == Py_False
        && SLOT(forward, Forward, _tunnel) == Py_False && SLOT(forward, Forward, _upload) == Py_None
        && SLOT(forward, Forward, _waiting_for_100) == Py_False && SLOT(forward, Forward, request_sent) == Py_True
        && SLOT(forward, Forward, _connector) == Py_None
        && SLOT(exchange, Request, gone) == Py_False && SLOT(exchange, Request, answering) == Py_False
        && SLOT(exchange, Request, phases) == Py_None
        && SLOT(exchange, Request, body_done) == Py_True && SLOT(exchange, Request, close) == Py_False
        && SLOT(channel, Channel, state) == the_WAIT && SLOT(channel, Channel, request) == exchange
        && SLOT(channel, Channel, _ended_at) == Py_None && SLOT(channel, Channel, _stalled_at) == Py_None
        && PyLong_AsLong(SLOT(channel, Channel, _stopped)) == 0 && PyBytes_GET_SIZE(SLOT(channel, Channel, _buffer)) == 0
        && SLOT(it->factory, HttpFactory, draining) == Py_False;
}

static int is_plain_request(PyObject *head)
{
    return IS(head, RequestHead) && SLOT(head, RequestHead, http11) == Py_True && SLOT(head, RequestHead, keep_alive) == Py_True
        && SLOT(head, RequestHead, method) != method_head;
}

static int find_exchange(PyObject *connection, struct under_way *it)
{
    it->connection = connection;
    it->forward = SLOT(connection, Connection, owner);
    if (!IS(it->forward, Forward))
        return 0;
    it->exchange = SLOT(it->forward, Forward, _exchange);
    it->proxy = SLOT(it->forward, Forward, _proxy);
    PyObject *endpoint = SLOT(it->forward, Forward, _endpoint), *leaf = SLOT(it->forward, Forward, _leaf);
    if (!IS(it->exchange, Request) || !IS(it->proxy, Proxy) || !IS(endpoint, Endpoint) || !IS(leaf, Leaf))
        return 0;
    it->state = SLOT(endpoint, Endpoint, state);
    it->channel = SLOT(it->exchange, Request, channel);
    PyObject *balance = SLOT(leaf, Leaf, balance);
    if (!IS(it->state, EndpointState) || !IS(it->channel, Channel) || !IS(balance, Balance) || !is_plain_request(SLOT(it->exchange, Request, head))
        || PyUnicode_Compare(SLOT(balance, Balance, kind), p2c) == 0) /* which observes how long answers take */
        return 0;
    it->factory = SLOT(it->channel, Channel, factory);
    if (!IS(it->factory, HttpFactory) || !IS(SLOT(connection, Connection, pool), Pool))
        return 0;
    it->limits = SLOT(it->factory, HttpFactory, limits);
    return IS(it->limits, Limits) && nothing_unusual(it)
        && PyList_GET_SIZE(SLOT(SLOT(connection, Connection, pool), Pool, _idle)) < PyLong_AsSsize_t(the_idle_limit);
}

/* The connection goes back to its pool, the try is over: Connection._done, Pool.release, Forward._over. */
static int let_go(const struct under_way *it, double now)
{
    PyObject *connection = it->connection, *forward = it->forward, *slot = SLOT(forward, Forward, _slot);
    PyObject *since = PyFloat_FromDouble(now), *taken = PyFloat_FromDouble(now - float_of(SLOT(forward, Forward, _attempt_at)));
    if (since == NULL || taken == NULL || PyDict_DelItem(slot, forward) < 0) {
        Py_XDECREF(since); Py_XDECREF(taken);
        return -1;
    }
    PUT(connection, Connection, since, since);
    PUT_NEW(connection, Connection, owner, Py_None);
    PUT_NEW(connection, Connection, heard, Py_True);
    PUT_NEW(connection, Connection, fresh, Py_False);
    PUT_NEW(connection, Connection, state, the_IDLE);
    PUT(it->exchange, Request, upstream_seconds, taken);
    PUT_NEW(forward, Forward, _slot, Py_None);
    PUT_NEW(forward, Forward, _endpoint, Py_None);
    PUT_NEW(forward, Forward, _connection, Py_None);
    if (PyList_Append(SLOT(SLOT(connection, Connection, pool), Pool, _idle), connection) < 0)
        return -1;
    return ADD(it->state, EndpointState, inflight, -1) < 0 || ADD(it->proxy, Proxy, live, -1) < 0 ? -1 : 0;
}

/* Status line, fields, empty line, body. */
static PyObject *answer_bytes(const struct head *read, const char *body, Py_ssize_t length)
{
    Py_ssize_t line = 9 + 4 + read->reason.size + 2;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, line + read->fields_size + 2 + length);
    if (bytes == NULL)
        return NULL;
    char *to = PyBytes_AS_STRING(bytes);
    memcpy(to, read->reason.at - 13, line);
    to += line;
    for (int i = 0; i < read->runs; i++) {
        memcpy(to, read->run[i].at, read->run[i].size);
        to += read->run[i].size;
    }
    memcpy(to, "\r\n", 2);
    memcpy(to + 2, body, length);
    return bytes;
}

/* Request.respond and Channel.answered. */
static int respond(const struct under_way *it, long status, PyObject *bytes, Py_ssize_t length, double now)
{
    PyObject *exchange = it->exchange, *channel = it->channel;
    PyObject *code = PyLong_FromLong(status), *sent = PyLong_FromSsize_t(length), *zero = PyLong_FromLong(0);
    PyObject *due = PyFloat_FromDouble(now + float_of(SLOT(it->limits, Limits, idle_timeout)));
    if (code == NULL || sent == NULL || zero == NULL || due == NULL) {
        Py_XDECREF(code); Py_XDECREF(sent); Py_XDECREF(zero); Py_XDECREF(due);
        return -1;
    }
    PUT(exchange, Request, status, code);
    PUT(exchange, Request, bytes_out, sent);
    PUT_NEW(exchange, Request, answering, Py_True);
    PUT_NEW(exchange, Request, answered, Py_True);
    PUT_NEW(exchange, Request, reader, Py_None);
    int failed = write_to(SLOT(channel, Channel, transport), bytes) < 0 || finished(SLOT(it->factory, HttpFactory, finished), exchange, SLOT(it->proxy, Proxy, clock), now) < 0;
    PUT_NEW(channel, Channel, request, Py_None);
    PUT_NEW(channel, Channel, state, SLOT(channel, Channel, _stalled_at) == Py_None ? the_READY : the_HELD);
    PUT(channel, Channel, _counted, zero);
    PUT(channel, Channel, due, due);
    return failed ? -1 : 0;
}

static int answer(PyObject *connection, PyObject *data)
{
    struct head read;
    struct under_way it;
    if (!known || !IS(connection, Connection) || !PyBytes_CheckExact(data) || SLOT(connection, Connection, state) != the_HEAD
        || PyBytes_GET_SIZE(SLOT(connection, Connection, _buffer)) != 0 || !find_exchange(connection, &it))
        return 0;
    Py_ssize_t size = PyBytes_GET_SIZE(data);
    int plain = read_answer(PyBytes_AS_STRING(data), size, &read);
    if (plain <= 0)
        return plain;
    Py_ssize_t length = length_of(read.value[CONTENT_LENGTH]);
    if (length < 0 || length != PyBytes_AS_STRING(data) + size - read.end)
        return 0;
    double now = now_by(SLOT(it.proxy, Proxy, clock));
    PyObject *bytes = answer_bytes(&read, read.end, length);
    if (bytes == NULL || PyErr_Occurred()) {
        Py_XDECREF(bytes);
        return -1;
    }
    Py_INCREF(it.exchange);
    Py_INCREF(it.channel);
    Py_INCREF(it.forward);
    int failed = let_go(&it, now) < 0 || respond(&it, read.status, bytes, length, now) < 0;
    Py_DECREF(it.forward);
    Py_DECREF(it.channel);
    Py_DECREF(it.exchange);
    Py_DECREF(bytes);
    return failed ? -1 : 1;
}

#endif
