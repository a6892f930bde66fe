/* Finished: what is counted of an exchange, and its line in the access log. */
#ifndef GWT_FINISH_H
#define GWT_FINISH_H
#include "_logline.h"

/* The cell (or float) `index` of a memoryview over mapped memory; NULL where it has none. */
static void *cell(PyObject *view, PyObject *index)
{
    Py_ssize_t at = PyLong_AsSsize_t(index);
    Py_buffer *buffer = PyMemoryView_Check(view) ? PyMemoryView_GET_BUFFER(view) : NULL;
    return buffer == NULL || at < 0 || buffer->itemsize != 8 || (at + 16) * 8 > buffer->len ? NULL : (char *)buffer->buf + 8 * at;
}

/* LeafStats.done for a status that was counted before, of a request without a body. -1 with an error set. */
static int count(PyObject *stats, PyObject *status, double seconds, long bytes_out)
{
    PyObject *cells = SLOT(stats, LeafStats, _cells), *index = PyDict_GetItemWithError(SLOT(stats, LeafStats, _codes), status);
    if (index == NULL)
        return -1;
    int64_t *requests = cell(cells, index), *bucket = cell(cells, SLOT(stats, LeafStats, _first));
    int64_t *out = cell(cells, SLOT(stats, LeafStats, _out));
    double *sum = cell(SLOT(stats, LeafStats, _floats), SLOT(stats, LeafStats, _sum));
    Py_ssize_t buckets = PyTuple_GET_SIZE(the_seconds);
    if (requests == NULL || bucket == NULL || out == NULL || sum == NULL || buckets > 15) {
        PyErr_SetString(PyExc_IndexError, "no such cell");
        return -1;
    }
    Py_ssize_t place = 0;
    while (place < buckets && PyFloat_AS_DOUBLE(PyTuple_GET_ITEM(the_seconds, place)) < seconds)
        place++;
    *requests += 1;
    bucket[place] += 1;
    *sum += seconds;
    *out += bytes_out;
    return 0;
}

/* AccessLog.log where the line only has to be kept for the next batch. Returns 1, or 0 with nothing done. */
static int log_line(PyObject *log, PyObject *exchange)
{
    if (!IS(log, AccessLog) || SLOT(log, AccessLog, _tick) == Py_None)
        return 0;
    PyObject *format = SLOT(log, AccessLog, _format);
    if (format != the_format_combined && format != the_format_json)
        return 0;
    long size = PyLong_AsLong(SLOT(log, AccessLog, _size)), due = PyLong_AsLong(SLOT(log, AccessLog, _due));
    PyObject *line = format == the_format_json ? json_line(exchange) : combined_line(exchange);
    if (line == NULL || line == Py_None || size + PyBytes_GET_SIZE(line) >= due) {
        Py_XDECREF(line);
        return line == NULL ? -1 : 0;
    }
    int failed = PyList_Append(SLOT(log, AccessLog, _lines), line) < 0 || ADD(log, AccessLog, _size, PyBytes_GET_SIZE(line)) < 0;
    Py_DECREF(line);
    return failed ? -1 : 1;
}

static int set_time(PyObject *exchange, double seconds)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    PyObject *time = PyFloat_FromDouble((double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec - seconds);
    if (time == NULL)
        return -1;
    PUT(exchange, Request, time, time);
    return 0;
}

/* Plugins see the end of the exchange. */
static int end_phases(PyObject *exchange)
{
    PyObject *phases = SLOT(exchange, Request, phases);
    if (phases == Py_None)
        return 0;
    PyObject *ended = PyObject_CallMethodNoArgs(phases, name_end);
    Py_XDECREF(ended);
    return ended == NULL ? -1 : 0;
}

/* A code that came at the very end, from a plugin that saw it. */
static int count_code(PyObject *told, PyObject *exchange)
{
    PyObject *code = SLOT(exchange, Request, code);
    if (code == Py_None)
        return 0;
    PyObject *counted = PyObject_CallMethodOneArg(SLOT(told, Finished, _meters), name_error, code);
    Py_XDECREF(counted);
    return counted == NULL ? -1 : 0;
}

/* The line of `exchange`, which took `seconds`, in the access log. */
static int log_exchange(PyObject *log, PyObject *exchange, double seconds)
{
    if (log == Py_None)
        return 0;
    int logged = set_time(exchange, seconds) < 0 ? -1 : log_line(log, exchange);
    if (logged != 0)
        return logged < 0 ? -1 : 0;
    PyObject *done = PyObject_CallMethodOneArg(log, name_log, exchange);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Finished.__call__(self, exchange) */
static int finished(PyObject *told, PyObject *exchange)
{
    if (!known || !IS(told, Finished) || !IS(exchange, Request))
        return 0;
    PyObject *leaf = SLOT(exchange, Request, leaf), *stats = IS(leaf, Leaf) ? SLOT(leaf, Leaf, stats) : NULL;
    if (!IS(stats, LeafStats) || SLOT(exchange, Request, code) != Py_None || PyLong_AsLong(SLOT(exchange, Request, bytes_in)) != 0
        || PyDict_Contains(SLOT(stats, LeafStats, _codes), SLOT(exchange, Request, status)) != 1)
        return 0;
    double seconds = now_by(SLOT(told, Finished, _clock)) - float_of(SLOT(exchange, Request, started));
    PyObject *duration = PyErr_Occurred() ? NULL : PyFloat_FromDouble(seconds);
    if (duration == NULL)
        return -1;
    PUT(exchange, Request, duration, duration);
    if (end_phases(exchange) < 0 || count(stats, SLOT(exchange, Request, status), seconds, PyLong_AsLong(SLOT(exchange, Request, bytes_out))) < 0
        || count_code(told, exchange) < 0)
        return -1;
    return log_exchange(SLOT(told, Finished, access_log), exchange, seconds) < 0 ? -1 : 1;
}

/* Tell the callable of the factory that `exchange` is over. */
static int finished_by(PyObject *told, PyObject *exchange)
{
    int done = finished(told, exchange);
    if (done != 0)
        return done;
    PyObject *called = PyObject_CallOneArg(told, exchange);
    Py_XDECREF(called);
    return called == NULL ? -1 : 0;
}

#endif
