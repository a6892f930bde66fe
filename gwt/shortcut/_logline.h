/* Both formats of gwt.logline, for a record that needs no escape and holds no secret. */
#ifndef GWT_LOGLINE_H
#define GWT_LOGLINE_H
#include "_heads.h"

#define LONGEST_LINE 8192

static unsigned char is_log_text[256]; /* printable ASCII without the quote and the backslash */
static unsigned char may_be_secret[256]; /* the first characters of what gwt.logline looks for in a query */

static void fill_log_tables(void)
{
    for (int c = 0x20; c < 0x7f; c++)
        is_log_text[c] = c != '"' && c != '\\';
    for (const char *c = "@%tTpPsSaAcCjJkK"; *c; c++)
        may_be_secret[(unsigned char)*c] = 1;
}

static int is_text_to_log(const char *at, Py_ssize_t size)
{
    unsigned char fine = 1;
    for (Py_ssize_t i = 0; i < size; i++)
        fine &= is_log_text[(unsigned char)at[i]];
    return fine;
}

/* Whether any of the words that gwt.logline takes for the name of a secret may stand in `at`. */
static int is_suspect(const char *at, Py_ssize_t size)
{
    static const char *words[] = {"token", "passw", "pwd", "secret", "api", "sig", "cred", "auth", "jwt", "sess", "key", "sid"};
    for (Py_ssize_t i = 0; i < size; i++) {
        if (!may_be_secret[(unsigned char)at[i]])
            continue;
        if (at[i] == '@' || at[i] == '%')
            return 1;
        for (size_t word = 0; word < sizeof words / sizeof *words; word++) {
            Py_ssize_t length = (Py_ssize_t)strlen(words[word]);
            if (size - i >= length && strncasecmp(at + i, words[word], length) == 0)
                return 1;
        }
    }
    return 0;
}

/* Whether a target or a Referer can be logged as it stands. */
static int is_open(const char *at, Py_ssize_t size)
{
    if (size < 0 || !is_text_to_log(at, size))
        return 0;
    if (memchr(at, '=', (size_t)size) == NULL && memchr(at, '@', (size_t)size) == NULL)
        return 1;
    return !is_suspect(at, size);
}

/* The second of the combined format, made once for each. */
static const char *combined_second(time_t second)
{
    static time_t last = -1;
    static char text[40];
    static const char *months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (second != last) {
        struct tm now;
        gmtime_r(&second, &now);
        snprintf(text, sizeof text, "%02d/%s/%04d:%02d:%02d:%02d +0000", now.tm_mday, months[now.tm_mon], now.tm_year + 1900,
                 now.tm_hour, now.tm_min, now.tm_sec);
        last = second;
    }
    return text;
}

static inline char *add_number(char *to, long number)
{
    char digits[24], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    Py_ssize_t size = digits + sizeof digits - at;
    memcpy(to, at, size);
    return to + size;
}

static inline char *add_text(char *to, const char *text, Py_ssize_t size)
{
    memcpy(to, text, size);
    return to + size;
}

/* What both formats say of an exchange, all of it plain: nothing to escape, no secret, no part unknown to `need`. */
struct said {
    struct span uri, method, client, user, referer, agent; /* `at` is NULL where there is none */
};

static inline struct span span_of(PyObject *bytes)
{
    return bytes == Py_None ? (struct span){NULL, 0} : (struct span){PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes)};
}

/* The UTF-8 of a str; -1 with an error set. */
static inline int text_of(PyObject *text, struct span *span)
{
    *span = (struct span){NULL, 0};
    if (text != Py_None && (span->at = PyUnicode_AsUTF8AndSize(text, &span->size)) == NULL)
        return -1;
    return 0;
}

static inline int is_word(struct span span)
{
    return span.size > 0 && is_text_to_log(span.at, span.size) && memchr(span.at, ' ', (size_t)span.size) == NULL;
}

/* 1, 0 (it takes another way) or -1 with an error set. */
static int read_said(PyObject *exchange, struct said *said)
{
    PyObject *head = SLOT(exchange, Request, head);
    said->uri = span_of(SLOT(head, RequestHead, target));
    said->method = span_of(SLOT(head, RequestHead, method));
    said->referer = span_of(SLOT(head, RequestHead, referer));
    said->agent = span_of(SLOT(head, RequestHead, user_agent));
    if (text_of(SLOT(exchange, Request, client), &said->client) < 0 || text_of(SLOT(exchange, Request, user), &said->user) < 0)
        return -1;
    if (said->client.size + said->uri.size + said->referer.size + said->agent.size + said->user.size > LONGEST_LINE - 2048)
        return 0;
    return is_word(said->client) && is_word(said->method) && is_word(said->uri) && is_open(said->uri.at, said->uri.size)
        && (said->user.at == NULL || is_word(said->user)) && (said->referer.at == NULL || is_open(said->referer.at, said->referer.size))
        && is_text_to_log(said->agent.at, said->agent.size);
}

static inline char *add_span(char *to, struct span span)
{
    return add_text(to, span.at, span.size);
}
#define ADD_LITERAL(to, literal) add_text(to, literal, sizeof(literal) - 1)

/* The line; None where it takes another way. */
static PyObject *combined_line(PyObject *exchange)
{
    const struct span nothing = {"-", 1};
    struct said said;
    int plain = read_said(exchange, &said);
    if (plain <= 0)
        return plain < 0 ? NULL : Py_NewRef(Py_None);
    char line[LONGEST_LINE], *to = add_span(line, said.client);
    to = ADD_LITERAL(to, " - ");
    to = add_span(to, said.user.at ? said.user : nothing);
    to = ADD_LITERAL(to, " [");
    to = add_text(to, combined_second((time_t)float_of(SLOT(exchange, Request, time))), 26);
    to = ADD_LITERAL(to, "] \"");
    to = add_span(to, said.method);
    *to++ = ' ';
    to = add_span(to, said.uri);
    to = ADD_LITERAL(to, " HTTP/1.1\" ");
    to = add_number(to, PyLong_AsLong(SLOT(exchange, Request, status)));
    *to++ = ' ';
    to = add_number(to, PyLong_AsLong(SLOT(exchange, Request, bytes_out)));
    to = ADD_LITERAL(to, " \"");
    to = add_span(to, said.referer.at ? said.referer : nothing);
    to = ADD_LITERAL(to, "\" \"");
    to = add_span(to, said.agent.at ? said.agent : nothing);
    to = ADD_LITERAL(to, "\"\n");
    return PyBytes_FromStringAndSize(line, to - line);
}

/* -- JSON -- */

/* `"name":"value"`, the value a str that needs no escape; null for None. NULL: it takes another way, or an error is set. */
static char *add_member(char *to, const char *end, const char *name, PyObject *text)
{
    struct span value;
    if (text_of(text, &value) < 0 || value.size + 64 > end - to || !is_text_to_log(value.at, value.size))
        return NULL;
    to = add_text(to, name, (Py_ssize_t)strlen(name));
    if (value.at == NULL)
        return ADD_LITERAL(to, "null");
    *to++ = '"';
    to = add_span(to, value);
    *to++ = '"';
    return to;
}

/* What of the names that the gateway gives: `tries` to `protocol`. */
static char *add_names(char *to, const char *end, PyObject *exchange)
{
    PyObject *leaf = SLOT(exchange, Request, leaf);
    to = ADD_LITERAL(to, ",\"tries\":");
    to = add_number(to, PyLong_AsLong(SLOT(exchange, Request, tries)));
    if ((to = add_member(to, end, ",\"route\":", SLOT(leaf, Leaf, route))) == NULL
        || (to = add_member(to, end, ",\"service\":", SLOT(leaf, Leaf, service))) == NULL
        || (to = add_member(to, end, ",\"path\":", SLOT(leaf, Leaf, path))) == NULL
        || (to = add_member(to, end, ",\"user\":", SLOT(exchange, Request, user))) == NULL)
        return NULL;
    return ADD_LITERAL(to, ",\"code\":null,\"protocol\":\"HTTP/1.1\"");
}

/* The second of the JSON format, made once for each. */
static const char *iso_second(time_t second)
{
    static time_t last = -1;
    static char text[64];
    if (second != last) {
        struct tm now;
        gmtime_r(&second, &now);
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", now.tm_year + 1900, now.tm_mon + 1, now.tm_mday, now.tm_hour,
                 now.tm_min, now.tm_sec);
        last = second;
    }
    return text;
}

static char *add_times(char *to, PyObject *exchange)
{
    to = ADD_LITERAL(to, ",\"status\":");
    to = add_number(to, PyLong_AsLong(SLOT(exchange, Request, status)));
    to = ADD_LITERAL(to, ",\"bytes_in\":0,\"bytes_out\":");
    to = add_number(to, PyLong_AsLong(SLOT(exchange, Request, bytes_out)));
    return to + snprintf(to, 400, ",\"duration_ms\":%.3f", float_of(SLOT(exchange, Request, duration)) * 1000.0);
}

/* The line; None where it takes another way. */
static PyObject *json_line(PyObject *exchange)
{
    struct said said;
    PyObject *endpoint = SLOT(exchange, Request, endpoint), *took = SLOT(exchange, Request, upstream_seconds), *host = SLOT(exchange, Request, host);
    PyObject *snapshot = SLOT(exchange, Request, snapshot);
    int plain = read_said(exchange, &said);
    if (plain < 0)
        return NULL;
    if (!plain || !IS(endpoint, Endpoint) || !IS(snapshot, Snapshot) || !PyFloat_CheckExact(took) || said.agent.at == NULL
        || PyBytes_GET_SIZE(host) > 512)
        return Py_NewRef(Py_None);
    char line[LONGEST_LINE], *to = line, *end = line + sizeof line - 512;
    long long milliseconds = (long long)(float_of(SLOT(exchange, Request, time)) * 1000.0);
    to += snprintf(to, 128, "{\"time\":\"%s.%03lldZ\",\"request_id\":\"", iso_second((time_t)(milliseconds / 1000)), milliseconds % 1000);
    to = add_span(to, span_of(SLOT(exchange, Request, request_id)));
    to = ADD_LITERAL(to, "\",\"client\":\"");
    to = add_span(to, said.client);
    to = ADD_LITERAL(to, "\",\"method\":\"");
    to = add_span(to, said.method);
    to = ADD_LITERAL(to, "\",\"host\":\"");
    to = add_span(to, span_of(host));
    to = ADD_LITERAL(to, "\",\"uri\":\"");
    to = add_span(to, said.uri);
    *to++ = '"';
    to = add_times(to, exchange);
    if ((to = add_member(to, end, ",\"upstream\":", SLOT(endpoint, Endpoint, address))) == NULL)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    to += snprintf(to, 400, ",\"upstream_ms\":%.3f", float_of(took) * 1000.0);
    if ((to = add_names(to, end, exchange)) == NULL || said.agent.size + said.referer.size + 128 > end - to)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    to = ADD_LITERAL(to, ",\"user_agent\":\"");
    to = add_span(to, said.agent);
    to = ADD_LITERAL(to, "\",\"referer\":");
    if (said.referer.at == NULL) {
        to = ADD_LITERAL(to, "null");
    } else {
        *to++ = '"';
        to = add_span(to, said.referer);
        *to++ = '"';
    }
    to = ADD_LITERAL(to, ",\"revision\":");
    to = add_number(to, PyLong_AsLong(SLOT(snapshot, Snapshot, revision)));
    to = ADD_LITERAL(to, "}\n");
    return PyBytes_FromStringAndSize(line, to - line);
}

#endif
