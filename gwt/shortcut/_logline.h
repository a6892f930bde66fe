/* The combined format of gwt.logline, for a record that needs no escape and holds no secret. */
#ifndef GWT_LOGLINE_H
#define GWT_LOGLINE_H
#include "_objects.h"

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

/* The line; None where it takes another way. */
static PyObject *combined_line(PyObject *exchange)
{
    PyObject *head = SLOT(exchange, Request, head), *client = SLOT(exchange, Request, client);
    PyObject *uri = SLOT(head, RequestHead, target), *method = SLOT(head, RequestHead, method);
    PyObject *referer = SLOT(head, RequestHead, referer), *agent = SLOT(head, RequestHead, user_agent);
    const char *said[2] = {"-", "-"};
    Py_ssize_t size[2] = {1, 1}, client_size;
    if (referer != Py_None)
        said[0] = PyBytes_AS_STRING(referer), size[0] = PyBytes_GET_SIZE(referer);
    if (agent != Py_None)
        said[1] = PyBytes_AS_STRING(agent), size[1] = PyBytes_GET_SIZE(agent);
    const char *address = PyUnicode_AsUTF8AndSize(client, &client_size), *target = PyBytes_AS_STRING(uri);
    if (address == NULL)
        return NULL;
    Py_ssize_t target_size = PyBytes_GET_SIZE(uri), total = client_size + target_size + size[0] + size[1] + PyBytes_GET_SIZE(method) + 160;
    if (SLOT(exchange, Request, user) != Py_None || client_size == 0 || total > LONGEST_LINE || !is_open(target, target_size)
        || !is_open(said[0], size[0]) || !is_text_to_log(said[1], size[1]) || !is_text_to_log(address, client_size))
        return Py_NewRef(Py_None);
    char line[LONGEST_LINE], *to = add_text(line, address, client_size);
    to = add_text(to, " - - [", 6);
    to = add_text(to, combined_second((time_t)float_of(SLOT(exchange, Request, time))), 26);
    to = add_text(to, "] \"", 3);
    to = add_text(to, PyBytes_AS_STRING(method), PyBytes_GET_SIZE(method));
    *to++ = ' ';
    to = add_text(to, target, target_size);
    to = add_text(to, " HTTP/1.1\" ", 11);
    to = add_number(to, PyLong_AsLong(SLOT(exchange, Request, status)));
    *to++ = ' ';
    to = add_number(to, PyLong_AsLong(SLOT(exchange, Request, bytes_out)));
    to = add_text(to, " \"", 2);
    to = add_text(to, said[0], size[0]);
    to = add_text(to, "\" \"", 3);
    to = add_text(to, said[1], size[1]);
    to = add_text(to, "\"\n", 2);
    return PyBytes_FromStringAndSize(line, to - line);
}

#endif
