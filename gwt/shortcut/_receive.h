/* Channel.dataReceived for one whole plain request, from the bytes to its leaf; then Proxy.forward, or the leaf's resource. */
#ifndef GWT_RECEIVE_H
#define GWT_RECEIVE_H
#include "_forward.h"

/* The root of the listener's tree and what it routes by now. */
struct place {
    PyObject *factory, *root, *snapshot, *ids;
    double now;
};

static int find_place(PyObject *channel, Py_ssize_t size, struct place *place, long *most)
{
    place->factory = SLOT(channel, Channel, factory);
    if (!IS(place->factory, HttpFactory))
        return 0;
    PyObject *limits = SLOT(place->factory, HttpFactory, limits);
    place->root = SLOT(place->factory, HttpFactory, root);
    place->ids = SLOT(place->factory, HttpFactory, _ids);
    if (!IS(limits, Limits) || !IS(place->root, GatewayResource) || !IS(place->ids, Ids))
        return 0;
    *most = PyLong_AsLong(SLOT(limits, Limits, max_headers));
    PyObject *current = SLOT(place->root, GatewayResource, _current);
    if (!IS(current, Current) || size > PyLong_AsSsize_t(SLOT(limits, Limits, max_header_bytes)) + 4)
        return 0;
    place->snapshot = SLOT(current, Current, snapshot);
    return IS(place->snapshot, Snapshot) && IS(SLOT(place->snapshot, Snapshot, router), Router);
}

/* Whether PATH + "/\0" begins with the probe. */
static int applies(PyObject *probe, struct span path)
{
    Py_ssize_t size = PyBytes_GET_SIZE(probe), common = size < path.size ? size : path.size;
    const char *bytes = PyBytes_AS_STRING(probe);
    return size <= path.size + 2 && memcmp(bytes, path.at, common) == 0 && memcmp(bytes + common, "/", size - common) == 0;
}

/* The leaf (borrowed) that a host of few literal paths, all without conditions up to it, gives; NULL: another case. */
static PyObject *find_leaf(PyObject *snapshot, PyObject *host, struct span path)
{
    PyObject *entries = PyDict_GetItemWithError(SLOT(SLOT(snapshot, Snapshot, router), Router, exact), host);
    if (entries == NULL || !PyTuple_CheckExact(entries))
        return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(entries); i++) {
        PyObject *entry = PyTuple_GET_ITEM(entries, i);
        if (!IS(entry, Entry))
            return NULL;
        if (!applies(SLOT(entry, Entry, probe), path))
            continue;
        PyObject *leaf = SLOT(entry, Entry, target);
        return SLOT(entry, Entry, conditions) == Py_None && IS(leaf, Leaf) ? leaf : NULL;
    }
    return NULL;
}

/* A Host without its port, if that is 1 to 65535; else all of it. */
static struct span without_port(struct span host)
{
    const char *colon = memrchr(host.at, ':', host.size), *end = host.at + host.size;
    long port = 0;
    if (colon == NULL || end - colon < 2 || end - colon > 6)
        return host;
    for (const char *digit = colon + 1; digit < end; digit++) {
        if (*digit < '0' || *digit > '9')
            return host;
        port = 10 * port + (*digit - '0');
    }
    return port > 0 && port < 65536 ? (struct span){host.at, colon - host.at} : host;
}

static PyObject *new_head(const struct head *read, PyObject *host)
{
    PyObject *head = copy_of(the_request_head);
    if (head == NULL)
        return NULL;
    PyObject *path = bytes_of(read->path);
    PUT_NEW(head, RequestHead, method, read->method.size == 3 ? method_get : method_head);
    PUT_NEW(head, RequestHead, host, host);
    PUT(head, RequestHead, path, path);
    PUT(head, RequestHead, query, bytes_or_none(read->query));
    PUT(head, RequestHead, target, read->query.at ? bytes_of(read->target) : Py_XNewRef(path));
    PUT(head, RequestHead, fields, fields_of(read));
    PUT(head, RequestHead, user_agent, bytes_or_none(read->value[USER_AGENT]));
    PUT(head, RequestHead, referer, bytes_or_none(read->value[REFERER]));
    PUT(head, RequestHead, cookie, bytes_or_none(read->value[COOKIE]));
    PUT(head, RequestHead, request_id, bytes_or_none(read->value[REQUEST_ID]));
    PUT(head, RequestHead, traceparent, bytes_or_none(read->value[TRACEPARENT]));
    if (read->named_keep_alive)
        PUT_NEW(head, RequestHead, connection, the_keep_alive);
    if (read->named_keep_alive || read->dropped)
        PUT_NEW(head, RequestHead, plain, Py_False);
    if (PyErr_Occurred())
        Py_CLEAR(head);
    return head;
}

/* The exchange, routed; the channel waits for its answer. NULL with an error set. */
static PyObject *begin(PyObject *channel, const struct place *place, PyObject *head, PyObject *host, PyObject *leaf, struct span said_id)
{
    PyObject *request = copy_of(the_request), *id = request_id(said_id, place->ids), *started = PyFloat_FromDouble(place->now);
    if (request == NULL || id == NULL || started == NULL) {
        Py_XDECREF(request); Py_XDECREF(id); Py_XDECREF(started);
        return NULL;
    }
    PUT(request, Request, request_id, id);
    PUT(request, Request, started, started);
    PUT_NEW(request, Request, head, head);
    PUT_NEW(request, Request, channel, channel);
    PUT_NEW(request, Request, client, SLOT(channel, Channel, client));
    PUT_NEW(request, Request, forwarded_lines, SLOT(channel, Channel, forwarded_lines));
    PUT_NEW(request, Request, host, host);
    PUT_NEW(request, Request, path, SLOT(head, RequestHead, path));
    PUT_NEW(request, Request, snapshot, place->snapshot);
    PUT_NEW(request, Request, leaf, leaf);
    PUT_NEW(channel, Channel, since, started);
    PUT_NEW(channel, Channel, state, the_WAIT);
    PUT_NEW(channel, Channel, request, request);
    return request;
}

/* Give the request to its leaf: forward it here, or let its resource answer. */
static int serve(PyObject *root, PyObject *request, PyObject *leaf)
{
    int done = SLOT(leaf, Leaf, chain) == Py_None ? forward(SLOT(root, GatewayResource, _proxy), request, leaf) : 0;
    if (done != 0)
        return done;
    PyObject *handler = SLOT(leaf, Leaf, handler);
    handler = handler != Py_None ? Py_NewRef(handler) : PyObject_CallMethodOneArg(root, name_handler, leaf);
    PyObject *result = handler ? PyObject_CallMethodOneArg(handler, name_render, request) : NULL;
    Py_XDECREF(handler);
    Py_XDECREF(result);
    return result == NULL ? -1 : 1;
}

/* What a handler raises is told as Channel.dataReceived tells it. */
static int failed(PyObject *object)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace != NULL)
        PyException_SetTraceback(error, trace);
    PyObject *told = PyObject_CallMethodOneArg(object, name_failed, error);
    Py_XDECREF(type); Py_XDECREF(error); Py_XDECREF(trace); Py_XDECREF(told);
    return told == NULL ? -1 : 1;
}

static int receive(PyObject *channel, PyObject *data)
{
    struct head read;
    struct place place;
    long most;
    if (!known || !IS(channel, Channel) || !PyBytes_CheckExact(data) || SLOT(channel, Channel, state) != the_READY
        || PyBytes_GET_SIZE(SLOT(channel, Channel, _buffer)) != 0)
        return 0;
    Py_ssize_t size = PyBytes_GET_SIZE(data);
    if (!find_place(channel, size, &place, &most))
        return 0;
    int plain = read_request(PyBytes_AS_STRING(data), size, most, &read);
    if (plain <= 0 || read.end != PyBytes_AS_STRING(data) + size || read.value[HOST].at == NULL)
        return plain < 0 ? -1 : 0;
    struct span name = without_port(read.value[HOST]);
    PyObject *said = bytes_of(read.value[HOST]), *host = name.size == read.value[HOST].size ? Py_XNewRef(said) : bytes_of(name);
    PyObject *leaf = said && host ? Py_XNewRef(find_leaf(place.snapshot, host, read.path)) : NULL;
    PyObject *head = leaf ? new_head(&read, said) : NULL;
    Py_XDECREF(said);
    if (head == NULL) {
        Py_XDECREF(host);
        Py_XDECREF(leaf);
        return PyErr_Occurred() ? -1 : 0;
    }
    place.now = now_by(SLOT(place.factory, HttpFactory, clock));
    PyObject *root = Py_NewRef(place.root), *request = begin(channel, &place, head, host, leaf, read.value[REQUEST_ID]);
    int done = request ? serve(root, request, leaf) : -1;
    Py_DECREF(host);
    Py_XDECREF(request);
    Py_DECREF(head);
    Py_DECREF(leaf);
    Py_DECREF(root);
    return done < 0 ? failed(channel) : 1;
}

#endif
