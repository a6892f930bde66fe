/* Heads that need no second thought, read in one go. Whatever is unusual, or wrong, is left to gwt.wire. */
#ifndef GWT_HEADS_H
#define GWT_HEADS_H
#include "../wire/_lines.h"
#include "_objects.h"

/* Field kinds: gwt.wire.names.Kind. */
enum { PASS, DROP, HOST, TRANSFER_ENCODING, CONNECTION, EXPECT, UPGRADE, TE, REQUEST_ID, FORWARDED, TRACEPARENT,
       KEEP_ALIVE, DEBUG, CONTENT_LENGTH, USER_AGENT, REFERER, COOKIE, WEBSOCKET, KINDS };

static unsigned char is_plain_byte[256]; /* what needs no thought in a path, "." and "/" aside: gwt.route.path.is_plain */

static void fill_path_table(void)
{
    for (int c = 0; c < 256; c++)
        is_plain_byte[c] = Py_ISALNUM(c);
    for (const char *c = "-_~!$&'()*+,=:@"; *c; c++)
        is_plain_byte[(unsigned char)*c] = 1;
}

struct span {
    const char *at; /* NULL: not there */
    Py_ssize_t size;
};

#define MOST_LINES 128
struct head {
    struct span method, target, path, query, reason, value[KINDS];
    long status;
    int named_keep_alive, dropped;
    int runs; /* stretches of lines to forward */
    struct span run[MOST_LINES];
    Py_ssize_t fields_size;
    const char *end; /* behind the empty line */
};

static inline PyObject *bytes_of(struct span span)
{
    return PyBytes_FromStringAndSize(span.at, span.size);
}

static inline PyObject *bytes_or_none(struct span span)
{
    return span.at ? bytes_of(span) : Py_NewRef(Py_None);
}

/* "keep-alive" in any case is all that a plain head's Connection says. */
static inline int says_keep_alive(const char *value, Py_ssize_t size)
{
    return size == 10 && strncasecmp(value, "keep-alive", 10) == 0;
}

/* A field line is forwarded: with the one before it, if that was too. */
static inline void keep_line(struct head *head, const char *line, const char *next)
{
    struct span *last = head->runs ? &head->run[head->runs - 1] : NULL;
    if (last != NULL && last->at + last->size == line)
        last->size += next - line;
    else
        head->run[head->runs++] = (struct span){line, next - line};
    head->fields_size += next - line;
}

/* The field lines from `at` to the empty line. `once`: kinds (bits) that may stand there once and are remembered.
 * Returns 1 if all is plain, 0 if not, -1 with an error set. */
static int read_lines(const char *at, const char *end, PyObject *names, long most, unsigned long once, struct head *head)
{
    for (long count = 0;; count++) {
        if (end - at < 2)
            return 0;
        if (*at == '\r') {
            head->end = at + 2;
            return at[1] == '\n';
        }
        if (count >= most || count >= MOST_LINES)
            return 0;
        const char *name_end = at;
        while (name_end < end && is_token[(unsigned char)*name_end])
            name_end++;
        const char *stop = memchr(name_end, '\r', end - name_end);
        if (name_end == at || *name_end != ':' || stop == NULL || end - stop < 2 || stop[1] != '\n' || !only_text(name_end, stop))
            return 0;
        long kind = kind_of(names, at, name_end - at);
        if (kind < 0)
            return -1;
        if (kind == PASS) {
            keep_line(head, at, stop + 2);
        } else if (kind == DROP) {
            head->dropped = 1;
        } else {
            const char *value = name_end + 1, *value_end = stop;
            while (value < value_end && (*value == ' ' || *value == '\t'))
                value++;
            while (value_end > value && (value_end[-1] == ' ' || value_end[-1] == '\t'))
                value_end--;
            if (kind == CONNECTION) {
                if (head->named_keep_alive || !says_keep_alive(value, value_end - value))
                    return 0;
                head->named_keep_alive = 1;
            } else if (kind >= KINDS || !(once >> kind & 1) || head->value[kind].at != NULL) {
                return 0;
            } else {
                head->value[kind] = (struct span){value, value_end - value};
                if (kind >= CONTENT_LENGTH)
                    keep_line(head, at, stop + 2);
            }
        }
        at = stop + 2;
    }
}

static inline PyObject *fields_of(const struct head *head)
{
    PyObject *fields = PyBytes_FromStringAndSize(NULL, head->fields_size);
    if (fields == NULL)
        return NULL;
    char *to = PyBytes_AS_STRING(fields);
    for (int i = 0; i < head->runs; i++) {
        memcpy(to, head->run[i].at, head->run[i].size);
        to += head->run[i].size;
    }
    return fields;
}

/* A GET or HEAD without a body, in origin form, its path canonical as it stands. Returns 1, 0 (another) or -1. */
static int read_request(const char *at, Py_ssize_t size, long most, struct head *head)
{
    const unsigned long once = 1ul << HOST | 1ul << REQUEST_ID | 1ul << USER_AGENT | 1ul << REFERER | 1ul << COOKIE
        | 1ul << TRACEPARENT;
    const char *end = at + size;
    memset(head, 0, offsetof(struct head, run));
    head->fields_size = 0;
    if (size > 4 && memcmp(at, "GET ", 4) == 0)
        head->method = (struct span){at, 3};
    else if (size > 5 && memcmp(at, "HEAD ", 5) == 0)
        head->method = (struct span){at, 4};
    else
        return 0;
    const char *target = at = at + head->method.size + 1;
    if (*at++ != '/')
        return 0;
    for (; at < end && *at != ' ' && *at != '?'; at++)
        if (!is_plain_byte[(unsigned char)*at] && ((*at != '.' && *at != '/') || at[-1] == '/'))
            return 0;
    head->path = (struct span){target, at - target};
    if (at < end && *at == '?') {
        const char *query = ++at;
        for (; at < end && *at != ' '; at++)
            if (*at < '!' || *at > '~' || *at == '#')
                return 0;
        head->query = (struct span){query, at - query};
    }
    head->target = (struct span){target, at - target};
    if (end - at < 11 || memcmp(at, " HTTP/1.1\r\n", 11) != 0)
        return 0;
    return read_lines(at + 11, end, the_request_names, most, once, head);
}

/* The head of an answer whose length is said in bytes, with a body (even an empty one). Returns 1, 0 (another) or -1. */
static int read_answer(const char *at, Py_ssize_t size, struct head *head)
{
    const char *end = at + size;
    memset(head, 0, offsetof(struct head, run));
    head->fields_size = 0;
    if (size < 15 || memcmp(at, "HTTP/1.1 ", 9) != 0 || at[12] != ' ')
        return 0;
    for (int i = 9; i < 12; i++)
        if (at[i] < '0' || at[i] > '9')
            return 0;
    head->status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0');
    if (head->status < 200 || head->status > 599 || head->status == 204 || head->status == 304)
        return 0;
    const char *stop = memchr(at, '\r', end - at);
    if (stop == NULL || end - stop < 2 || stop[1] != '\n' || stop - at == 13 || !only_text(at, stop))
        return 0;
    head->reason = (struct span){at + 13, stop - at - 13};
    return read_lines(stop + 2, end, the_response_names, 200, 1ul << CONTENT_LENGTH, head);
}

/* The value of a plain Content-Length; -1 where it is none. */
static Py_ssize_t length_of(struct span said)
{
    Py_ssize_t length = 0;
    if (said.at == NULL || said.size < 1 || said.size > 18)
        return -1;
    for (Py_ssize_t i = 0; i < said.size; i++) {
        if (said.at[i] < '0' || said.at[i] > '9')
            return -1;
        length = length * 10 + (said.at[i] - '0');
    }
    return length;
}

#endif
