/* Proxy.forward where nothing has to be made or waited for: a plain leaf, round robin, an idle connection. */
#ifndef GWT_FORWARD_H
#define GWT_FORWARD_H
#include "_ids.h"
#include "_respond.h"

/* What a request is sent with: everything that is needed is there before anything is changed. */
struct way {
    PyObject *proxy, *exchange, *leaf, *head;
    PyObject *ring, *endpoint, *state, *pool, *connection, *ids;
    double now;
};

static int is_plain_leaf(PyObject *leaf)
{
    PyObject *balance = SLOT(leaf, Leaf, balance), *host = SLOT(leaf, Leaf, host_mode);
    return SLOT(leaf, Leaf, closed) == Py_None && SLOT(leaf, Leaf, resource) == Py_None && SLOT(leaf, Leaf, rewrite) == Py_None
        && SLOT(leaf, Leaf, framed) == Py_False && SLOT(leaf, Leaf, action) == forward_action && (host == Py_None || PyBytes_GET_SIZE(host) > 0)
        && IS(balance, Balance) && SLOT(balance, Balance, by) == Py_None
        && PyUnicode_Compare(SLOT(balance, Balance, kind), round_robin) == 0;
}

static int is_plain_exchange(PyObject *exchange)
{
    PyObject *head = SLOT(exchange, Request, head);
    PyObject *tries = SLOT(exchange, Request, tries);
    if (!IS(head, RequestHead) || SLOT(exchange, Request, body_done) != Py_True || PyLong_AsLong(tries) != 0)
        return 0;
    /* Only plain heads come here without a body, an upgrade or an Expect; "Connection: keep-alive" is as good. */
    if (SLOT(head, RequestHead, plain) != Py_True && SLOT(head, RequestHead, connection) != the_keep_alive)
        return 0;
    PyObject *method = SLOT(head, RequestHead, method);
    return (method == method_get || method == method_head) && SLOT(head, RequestHead, authority) == Py_None
        && SLOT(head, RequestHead, http11) == Py_True;
}

/* Whose turn it is, and a connection to it that can be used without a look at its socket. */
static int find_way(struct way *way)
{
    PyObject *snapshot = SLOT(way->exchange, Request, snapshot);
    if (!IS(snapshot, Snapshot) || !IS(SLOT(snapshot, Snapshot, upstreams), Sharded))
        return 0;
    PyObject *shards = SLOT(SLOT(snapshot, Snapshot, upstreams), Sharded, shards), *name = SLOT(way->leaf, Leaf, upstream);
    Py_hash_t hash = PyObject_Hash(name);
    if (hash == -1)
        return -1;
    PyObject *upstream = PyDict_GetItemWithError(PyTuple_GET_ITEM(shards, hash & (PyTuple_GET_SIZE(shards) - 1)), name);
    if (!IS(upstream, Upstream))
        return PyErr_Occurred() ? -1 : 0;
    way->ring = PyDict_GetItemWithError(SLOT(upstream, Upstream, _pickers), round_robin);
    if (!IS(way->ring, Ring))
        return PyErr_Occurred() ? -1 : 0;
    PyObject *list = SLOT(way->ring, Ring, _ring);
    Py_ssize_t at = PyLong_AsSsize_t(SLOT(way->ring, Ring, _at));
    way->endpoint = at >= 0 && at < PyList_GET_SIZE(list) ? PyList_GET_ITEM(list, at) : NULL;
    if (!IS(way->endpoint, Endpoint))
        return 0;
    way->state = SLOT(way->endpoint, Endpoint, state);
    PyObject *pools = SLOT(way->proxy, Proxy, pools);
    if (!IS(way->state, EndpointState) || !IS(pools, Pools))
        return 0;
    PyObject *host = SLOT(way->endpoint, Endpoint, host), *port = SLOT(way->endpoint, Endpoint, port), *tls = SLOT(way->leaf, Leaf, tls);
    PyObject *key = tls == Py_None ? PyTuple_Pack(2, host, port) : PyTuple_Pack(3, host, port, tls);
    way->pool = key ? PyDict_GetItemWithError(SLOT(pools, Pools, _pools), key) : NULL;
    Py_XDECREF(key);
    if (!IS(way->pool, Pool))
        return PyErr_Occurred() ? -1 : 0;
    PyObject *idle = SLOT(way->pool, Pool, _idle);
    Py_ssize_t size = PyList_GET_SIZE(idle);
    way->connection = size ? PyList_GET_ITEM(idle, size - 1) : NULL;
    if (!IS(way->connection, Connection) || SLOT(way->connection, Connection, state) != the_IDLE)
        return 0;
    double age = way->now - float_of(SLOT(way->connection, Connection, since));
    return age <= float_of(SLOT(way->pool, Pool, keeps)) && age < float_of(the_look_after)
        && way->now > float_of(SLOT(way->pool, Pool, _wary_until));
}

static inline char *add(char *to, PyObject *bytes)
{
    memcpy(to, PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
    return to + PyBytes_GET_SIZE(bytes);
}
#define ADD_TEXT(to, text) (memcpy(to, text, sizeof(text) - 1), (to) + sizeof(text) - 1)

/* What gwt.upstream.requesthead writes. */
static PyObject *request_bytes(const struct way *way)
{
    PyObject *head = way->head, *exchange = way->exchange;
    PyObject *method = SLOT(head, RequestHead, method), *path = SLOT(exchange, Request, path), *query = SLOT(head, RequestHead, query);
    PyObject *said = SLOT(head, RequestHead, host), *host = SLOT(way->leaf, Leaf, host_mode);
    PyObject *fields = SLOT(head, RequestHead, fields), *lines = SLOT(exchange, Request, forwarded_lines);
    PyObject *id = SLOT(exchange, Request, request_id), *forwarded_host = SLOT(exchange, Request, forwarded_host);
    if (host == Py_None)
        host = said;
    if (forwarded_host == Py_None)
        forwarded_host = said;
    if (PyBytes_GET_SIZE(host) == 0)
        return Py_NewRef(Py_None);
    Py_ssize_t size = PyBytes_GET_SIZE(method) + PyBytes_GET_SIZE(path) + PyBytes_GET_SIZE(host) + PyBytes_GET_SIZE(fields)
        + PyBytes_GET_SIZE(lines) + PyBytes_GET_SIZE(id) + PyBytes_GET_SIZE(forwarded_host) + TRACEPARENT_SIZE
        + (query == Py_None ? 0 : 1 + PyBytes_GET_SIZE(query))
        + (Py_ssize_t)strlen("  HTTP/1.1\r\nHost: \r\nVia: 1.1 gwt\r\nX-Forwarded-Host: \r\nX-Request-Id: \r\ntraceparent: \r\n\r\n");
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, size);
    if (bytes == NULL)
        return NULL;
    char *to = add(PyBytes_AS_STRING(bytes), method);
    *to++ = ' ';
    to = add(to, path);
    if (query != Py_None) {
        *to++ = '?';
        to = add(to, query);
    }
    to = ADD_TEXT(to, " HTTP/1.1\r\nHost: ");
    to = add(to, host);
    to = ADD_TEXT(to, "\r\n");
    to = add(to, fields);
    to = add(to, lines);
    to = ADD_TEXT(to, "Via: 1.1 gwt\r\nX-Forwarded-Host: ");
    to = add(to, forwarded_host);
    to = ADD_TEXT(to, "\r\nX-Request-Id: ");
    to = add(to, id);
    to = ADD_TEXT(to, "\r\ntraceparent: ");
    if (traceparent(SLOT(head, RequestHead, traceparent), way->ids, to) < 0) {
        Py_DECREF(bytes);
        return NULL;
    }
    memcpy(to + TRACEPARENT_SIZE, "\r\n\r\n", 4);
    return bytes;
}

/* Ticker.join. Returns the slot (borrowed), NULL with an error set. */
static PyObject *join(PyObject *ticker, PyObject *member)
{
    PyObject *slots = SLOT(ticker, Ticker, _slots);
    Py_ssize_t turn = (PyLong_AsSsize_t(SLOT(ticker, Ticker, _join)) + 1) % PyList_GET_SIZE(slots);
    PyObject *slot = PyList_GET_ITEM(slots, turn), *number = PyLong_FromSsize_t(turn);
    if (number == NULL || PyDict_SetItem(slot, member, Py_None) < 0) {
        Py_XDECREF(number);
        return NULL;
    }
    PUT(ticker, Ticker, _join, number);
    return slot;
}

/* The record of the exchange under way, in the ticker already. */
static PyObject *new_forward(const struct way *way)
{
    PyObject *made = copy_of(the_forward), *tried = PyList_New(0), *at = PyFloat_FromDouble(way->now);
    double due = float_of(SLOT(way->exchange, Request, started)) + float_of(SLOT(way->leaf, Leaf, first_byte));
    PyObject *until = PyFloat_FromDouble(due);
    if (made == NULL || tried == NULL || at == NULL || until == NULL) {
        Py_XDECREF(made); Py_XDECREF(tried); Py_XDECREF(at); Py_XDECREF(until);
        return NULL;
    }
    PUT(made, Forward, _tried, tried);
    PUT(made, Forward, _attempt_at, at);
    PUT(made, Forward, _due, until);
    PUT_NEW(made, Forward, _proxy, way->proxy);
    PUT_NEW(made, Forward, _exchange, way->exchange);
    PUT_NEW(made, Forward, _leaf, way->leaf);
    PUT_NEW(made, Forward, _path, SLOT(way->exchange, Request, path));
    PUT_NEW(made, Forward, _picker, way->ring);
    PUT_NEW(made, Forward, _endpoint, way->endpoint);
    PUT_NEW(made, Forward, _connection, way->connection);
    PUT_NEW(made, Forward, _tries_left, SLOT(way->leaf, Leaf, retries));
    PyObject *slot = join(SLOT(way->proxy, Proxy, ticker), made);
    if (slot == NULL) {
        Py_DECREF(made);
        return NULL;
    }
    PUT_NEW(made, Forward, _slot, slot);
    return made;
}

/* The turn, the books and the connection are taken. */
static int commit(const struct way *way, PyObject *forward)
{
    PyObject *one = PyLong_FromLong(1), *idle = SLOT(way->pool, Pool, _idle), *exchange = way->exchange;
    PyObject *connection = Py_NewRef(way->connection);
    long at = PyLong_AsLong(SLOT(way->ring, Ring, _at)), last = PyLong_AsLong(SLOT(way->ring, Ring, _last));
    PyObject *next = PyLong_FromLong(at < last ? at + 1 : 0);
    if (one == NULL || next == NULL)
        return -1;
    PUT(way->ring, Ring, _at, next);
    PUT(exchange, Request, tries, one);
    PUT_NEW(exchange, Request, endpoint, way->endpoint);
    PUT_NEW(exchange, Request, reader, forward);
    PUT_NEW(connection, Connection, owner, forward);
    PUT_NEW(connection, Connection, state, the_HEAD);
    PUT_NEW(connection, Connection, heard, Py_False);
    PUT_NEW(connection, Connection, _to_head, SLOT(way->head, RequestHead, method) == method_head ? Py_True : Py_False);
    Py_ssize_t size = PyList_GET_SIZE(idle);
    int failed = PyList_SetSlice(idle, size - 1, size, NULL);
    Py_DECREF(connection);
    if (failed || ADD(way->state, EndpointState, inflight, 1) < 0 || ADD(way->state, EndpointState, requests, 1) < 0)
        return -1;
    return ADD(way->proxy, Proxy, live, 1);
}

/* Returns 1 if the request is on its way, 0 if nothing was done, -1 with an error set. */
static int forward(PyObject *proxy, PyObject *exchange, PyObject *leaf)
{
    struct way way = {.proxy = proxy, .exchange = exchange, .leaf = leaf};
    if (!known || !IS(proxy, Proxy) || !IS(exchange, Request) || !IS(leaf, Leaf) || !is_plain_leaf(leaf) || !is_plain_exchange(exchange))
        return 0;
    way.head = SLOT(exchange, Request, head);
    way.ids = SLOT(proxy, Proxy, ids);
    if (!IS(way.ids, Ids) || !IS(SLOT(proxy, Proxy, ticker), Ticker))
        return 0;
    way.now = now_by(SLOT(proxy, Proxy, clock));
    int found = PyErr_Occurred() ? -1 : find_way(&way);
    if (found <= 0)
        return found;
    PyObject *bytes = request_bytes(&way);
    if (bytes == NULL || bytes == Py_None) {
        Py_XDECREF(bytes);
        return bytes == NULL ? -1 : 0;
    }
    PyObject *made = new_forward(&way), *connection = Py_NewRef(way.connection);
    int done = made == NULL || commit(&way, made) < 0 || write_to(SLOT(connection, Connection, transport), bytes) < 0 ? -1 : 1;
    Py_XDECREF(made);
    Py_DECREF(bytes);
    Py_DECREF(connection);
    return done;
}

#endif
