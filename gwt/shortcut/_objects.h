/* The objects that the short cut reads and writes: classes of gwt with __slots__, reached by offset.
 *
 * The classes are gwt's own, in Python; `know` (in _shortcut.c) is given each of them once and asks its member
 * descriptors where the slots are. An object of another class, a subclass included, is never touched. */
#ifndef GWT_OBJECTS_H
#define GWT_OBJECTS_H
#include <Python.h>
#include <strings.h>
#include <structmember.h>
#include <time.h>

#define SLOTS(X) \
    X(Channel, state) X(Channel, request) X(Channel, _buffer) X(Channel, since) X(Channel, due) X(Channel, client) \
    X(Channel, forwarded_lines) X(Channel, factory) X(Channel, transport) X(Channel, _counted) X(Channel, _stopped) \
    X(Channel, _ended_at) X(Channel, _stalled_at) \
    X(HttpFactory, root) X(HttpFactory, limits) X(HttpFactory, clock) X(HttpFactory, finished) \
    X(HttpFactory, draining) X(HttpFactory, _ids) \
    X(Limits, max_header_bytes) X(Limits, max_headers) X(Limits, idle_timeout) \
    X(GatewayResource, _current) X(GatewayResource, _proxy) \
    X(Current, snapshot) X(Snapshot, router) X(Snapshot, upstreams) X(Snapshot, revision) X(Sharded, shards) X(Router, exact) \
    X(Entry, probe) X(Entry, conditions) X(Entry, target) \
    X(Leaf, route) X(Leaf, service) X(Leaf, path) X(Leaf, action) X(Leaf, closed) X(Leaf, resource) X(Leaf, handler) X(Leaf, rewrite) X(Leaf, balance) \
    X(Leaf, host_mode) X(Leaf, framed) X(Leaf, tls) X(Leaf, upstream) X(Leaf, retries) X(Leaf, first_byte) X(Leaf, chain) X(Leaf, stats) \
    X(Balance, kind) X(Balance, by) \
    X(RequestHead, method) X(RequestHead, target) X(RequestHead, path) X(RequestHead, query) X(RequestHead, host) \
    X(RequestHead, user_agent) X(RequestHead, referer) X(RequestHead, cookie) X(RequestHead, request_id) \
    X(RequestHead, fields) X(RequestHead, plain) X(RequestHead, connection) X(RequestHead, keep_alive) \
    X(RequestHead, authority) X(RequestHead, http11) X(RequestHead, traceparent) \
    X(Request, channel) X(Request, head) X(Request, client) X(Request, host) X(Request, path) \
    X(Request, forwarded_lines) X(Request, forwarded_host) X(Request, request_id) X(Request, time) \
    X(Request, started) X(Request, duration) X(Request, snapshot) X(Request, leaf) X(Request, endpoint) \
    X(Request, reader) X(Request, body_done) X(Request, answering) X(Request, answered) X(Request, gone) \
    X(Request, status) X(Request, code) X(Request, user) X(Request, tries) X(Request, upstream_seconds) \
    X(Request, bytes_in) X(Request, bytes_out) X(Request, close) X(Request, phases) X(Request, edit) \
    X(Edit, gone) X(Edit, parts) \
    X(Proxy, pools) X(Proxy, ticker) X(Proxy, clock) X(Proxy, ids) X(Proxy, live) X(Proxy, retrying) \
    X(Forward, _proxy) X(Forward, _exchange) X(Forward, _leaf) X(Forward, _path) X(Forward, _picker) \
    X(Forward, _slot) X(Forward, _endpoint) X(Forward, _attempt_at) X(Forward, _connection) X(Forward, _connector) \
    X(Forward, _tries_left) X(Forward, _due) X(Forward, _tried) X(Forward, _started) X(Forward, _retrying) \
    X(Forward, _tunnel) X(Forward, _upload) X(Forward, _waiting_for_100) X(Forward, request_sent) \
    X(Upstream, _pickers) X(Ring, _at) X(Ring, _last) X(Ring, _ring) \
    X(Endpoint, address) X(Endpoint, host) X(Endpoint, port) X(Endpoint, state) \
    X(EndpointState, inflight) X(EndpointState, requests) \
    X(Ticker, _slots) X(Ticker, _join) X(Ids, _block) X(Ids, _at) \
    X(Pools, _pools) X(Pool, _idle) X(Pool, keeps) X(Pool, _wary_until) \
    X(Connection, owner) X(Connection, state) X(Connection, _to_head) X(Connection, heard) X(Connection, since) \
    X(Connection, transport) X(Connection, _buffer) X(Connection, fresh) X(Connection, pool) \
    X(Connection, reusable) X(Connection, _paused) \
    X(Finished, access_log) X(Finished, _meters) X(Finished, _clock) \
    X(LeafStats, _cells) X(LeafStats, _floats) X(LeafStats, _codes) X(LeafStats, _first) X(LeafStats, _sum) \
    X(LeafStats, _out) \
    X(AccessLog, _format) X(AccessLog, _lines) X(AccessLog, _size) X(AccessLog, _tick) X(AccessLog, _due)

#define CLASSES(X) \
    X(Channel) X(HttpFactory) X(Limits) X(GatewayResource) X(Current) X(Snapshot) X(Sharded) X(Router) X(Entry) X(Leaf) X(Balance) \
    X(RequestHead) X(Request) X(Edit) X(Proxy) X(Forward) X(Upstream) X(Ring) X(Endpoint) X(EndpointState) X(Ticker) X(Ids) \
    X(Pools) X(Pool) X(Connection) X(Finished) X(LeafStats) X(AccessLog)

/* What else is known, by name: states, an object of each class that is made here, and the functions compared with. */
#define CONSTANTS(X) \
    X(READY) X(WAIT) X(HELD) X(IDLE) X(HEAD) X(request_head) X(request) X(forward) X(request_names) X(response_names) \
    X(format_combined) X(format_json) X(reasons) X(keep_alive) X(seconds) X(idle_limit) X(look_after) X(kinds)

#define DECLARE_SLOT(class, name) static Py_ssize_t class##_##name##_at;
SLOTS(DECLARE_SLOT)
#define DECLARE_CLASS(name) static PyTypeObject *name##_class;
CLASSES(DECLARE_CLASS)
#define DECLARE_CONSTANT(name) static PyObject *the_##name;
CONSTANTS(DECLARE_CONSTANT)

static int known;          /* whether all of the above is set */
static PyObject *monotonic; /* time.monotonic */

/* Names that are looked up. */
static PyObject *name_write, *name_render, *name_failed, *name_take, *name_handler, *name_log, *name_end, *name_passing, *name_error;
static PyObject *method_get, *method_head, *round_robin, *p2c, *forward_action;

#define SLOT(object, class, name) (*(PyObject **)((char *)(object) + class##_##name##_at))
#define IS(object, class) ((object) != NULL && Py_TYPE(object) == class##_class)

/* Put a new reference (it is taken over) into a slot. */
static inline void put(PyObject **slot, PyObject *value)
{
    PyObject *old = *slot;
    *slot = value;
    Py_XDECREF(old);
}
#define PUT(object, class, name, value) put(&SLOT(object, class, name), value)
#define PUT_NEW(object, class, name, value) put(&SLOT(object, class, name), Py_NewRef(value))

/* Add to an integer in a slot; -1 with an error set. */
static inline int add_to(PyObject **slot, long amount)
{
    long value = PyLong_AsLong(*slot);
    PyObject *sum = value == -1 && PyErr_Occurred() ? NULL : PyLong_FromLong(value + amount);
    if (sum == NULL)
        return -1;
    put(slot, sum);
    return 0;
}
#define ADD(object, class, name, amount) add_to(&SLOT(object, class, name), amount)

/* An object of the same class with the same slots. */
static inline PyObject *copy_of(PyObject *pattern)
{
    PyTypeObject *type = Py_TYPE(pattern);
    PyObject *made = type->tp_alloc(type, 0);
    if (made == NULL)
        return NULL;
    PyObject **to = (PyObject **)(made + 1), **from = (PyObject **)(pattern + 1), **end = (PyObject **)((char *)from + type->tp_basicsize - sizeof(PyObject));
    for (; from < end; from++, to++)
        *to = Py_XNewRef(*from);
    return made;
}

/* Seconds by one of gwt's clocks; -1.0 with an error set. */
static inline double now_by(PyObject *clock)
{
    if (clock == monotonic) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    }
    PyObject *now = PyObject_CallNoArgs(clock);
    if (now == NULL)
        return -1.0;
    double seconds = PyFloat_AsDouble(now);
    Py_DECREF(now);
    return seconds;
}

static inline double float_of(PyObject *number)
{
    return PyFloat_CheckExact(number) ? PyFloat_AS_DOUBLE(number) : PyFloat_AsDouble(number);
}

#endif
