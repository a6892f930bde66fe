/* Connection.dataReceived for an answer that is here as a whole, its length said: back to the client in one write. */
#ifndef GWT_ANSWER_H
#define GWT_ANSWER_H
#include "_respond.h"

/* The exchange of a connection, where nothing unusual has happened in it. */
struct under_way {
    PyObject *connection, *pool, *forward, *exchange, *proxy, *state;
    struct client client;
};

static int nothing_unusual(const struct under_way *it)
{
    PyObject *connection = it->connection, *forward = it->forward;
    return SLOT(connection, Connection, reusable) == Py_True && SLOT(connection, Connection, _paused) == Py_False
        && SLOT(connection, Connection, _to_head) == Py_False
        && SLOT(forward, Forward, _connection) == connection && SLOT(forward, Forward, _slot) != Py_None
        && SLOT(forward, Forward, _started) == Py_False && SLOT(forward, Forward, _retrying) == Py_False
        && SLOT(forward, Forward, _tunnel) == Py_False && SLOT(forward, Forward, _upload) == Py_None
        && SLOT(forward, Forward, _waiting_for_100) == Py_False && SLOT(forward, Forward, request_sent) == Py_True
        && SLOT(forward, Forward, _connector) == Py_None;
}

static int find_exchange(PyObject *connection, struct under_way *it)
{
    it->connection = connection;
    it->pool = SLOT(connection, Connection, pool);
    it->forward = SLOT(connection, Connection, owner);
    if (!IS(it->forward, Forward) || !IS(it->pool, Pool))
        return 0;
    it->exchange = SLOT(it->forward, Forward, _exchange);
    it->proxy = SLOT(it->forward, Forward, _proxy);
    PyObject *endpoint = SLOT(it->forward, Forward, _endpoint), *leaf = SLOT(it->forward, Forward, _leaf);
    if (!IS(it->exchange, Request) || !IS(it->proxy, Proxy) || !IS(endpoint, Endpoint) || !IS(leaf, Leaf))
        return 0;
    it->state = SLOT(endpoint, Endpoint, state);
    PyObject *balance = SLOT(leaf, Leaf, balance);
    if (!IS(it->state, EndpointState) || !IS(balance, Balance)
        || PyUnicode_Compare(SLOT(balance, Balance, kind), p2c) == 0) /* which observes how long answers take */
        return 0;
    return find_client(it->exchange, &it->client) && nothing_unusual(it)
        && PyList_GET_SIZE(SLOT(it->pool, Pool, _idle)) < PyLong_AsSsize_t(the_idle_limit);
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
    if (PyList_Append(SLOT(it->pool, Pool, _idle), connection) < 0)
        return -1;
    return ADD(it->state, EndpointState, inflight, -1) < 0 || ADD(it->proxy, Proxy, live, -1) < 0 ? -1 : 0;
}

/* The answer as it goes to a client whose answers nobody filters. */
static int pass_on(const struct under_way *it, const struct head *read, Py_ssize_t length)
{
    Py_ssize_t line = 9 + 4 + read->reason.size + 2;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, line + read->fields_size + 2 + length), *status = PyLong_FromLong(read->status);
    if (bytes == NULL || status == NULL) {
        Py_XDECREF(bytes); Py_XDECREF(status);
        return -1;
    }
    char *to = add_text(PyBytes_AS_STRING(bytes), read->reason.at - 13, line);
    for (int i = 0; i < read->runs; i++)
        to = add_text(to, read->run[i].at, read->run[i].size);
    to = add_text(to, "\r\n", 2);
    add_text(to, read->end, length);
    int failed = respond_with(&it->client, status, bytes, length) < 0;
    Py_DECREF(status);
    Py_DECREF(bytes);
    return failed ? -1 : 0;
}

/* The answer as Exchange.respond takes it: plugins have something to say of it. */
static int hand_over(const struct under_way *it, const struct head *read, Py_ssize_t length)
{
    PyObject *fields = fields_of(read);
    PyObject *done = fields == NULL ? NULL : PyObject_CallMethod(it->exchange, "respond", "ly#Ony#O", read->status, read->reason.at,
        read->reason.size, fields, length, read->end, length, Py_True);
    Py_XDECREF(fields);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
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
    int passing = PyErr_Occurred() ? -1 : passes(it.exchange);
    if (passing < 0)
        return -1;
    Py_INCREF(it.exchange);
    Py_INCREF(it.client.channel);
    Py_INCREF(it.forward);
    int failed = let_go(&it, now) < 0 || (passing && SLOT(it.exchange, Request, edit) == Py_None ? pass_on(&it, &read, length) : hand_over(&it, &read, length)) < 0;
    Py_DECREF(it.forward);
    Py_DECREF(it.client.channel);
    Py_DECREF(it.exchange);
    return failed ? -1 : 1;
}

#endif
