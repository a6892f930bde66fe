/* The loop of gwt.wire.h2.huffman, compiled: it says what this does, and tells the lengths of the codes. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

enum { SYMBOLS = 257, EOS = 256, NODES = 257 };

/* Where each bit leads from a node: another node, or ~symbol. Codes have at least two bits, so that 0 is no child. */
static short tree[NODES][2];
static short nodes;

static int add(int length, unsigned code, int symbol)
{
    short node = 0;
    while (--length > 0) {
        short *next = &tree[node][code >> length & 1];
        if (*next == 0) {
            if (nodes == NODES)
                return -1;
            *next = nodes++;
        }
        if ((node = *next) < 0)
            return -1;
    }
    tree[node][code & 1] = ~symbol;
    return 0;
}

static PyObject *know(PyObject *module, PyObject *lengths)
{
    unsigned code = 0;
    int before = 0;
    unsigned char of[SYMBOLS];
    if (!PyBytes_Check(lengths) || PyBytes_GET_SIZE(lengths) != SYMBOLS)
        return PyErr_Format(PyExc_ValueError, "257 lengths are needed");
    memcpy(of, PyBytes_AS_STRING(lengths), SYMBOLS);
    memset(tree, 0, sizeof tree);
    nodes = 1;
    for (int length = 2; length <= 30; length++)
        for (int symbol = 0; symbol < SYMBOLS; symbol++)
            if (of[symbol] == length) {
                code <<= length - before;
                before = length;
                if (add(length, code++, symbol) < 0)
                    return PyErr_Format(PyExc_ValueError, "these are not the lengths of a code");
            }
    Py_RETURN_NONE;
}

static PyObject *broken(void)
{
    return PyErr_Format(PyExc_ValueError, "a string is not Huffman-coded as it says");
}

static PyObject *decode(PyObject *module, PyObject *data)
{
    if (!PyBytes_Check(data))
        return PyErr_Format(PyExc_TypeError, "bytes are needed");
    Py_ssize_t size = PyBytes_GET_SIZE(data), used = 0;
    const unsigned char *bytes = (const unsigned char *)PyBytes_AS_STRING(data);
    PyObject *out = PyBytes_FromStringAndSize(NULL, size * 8 / 5);
    if (out == NULL)
        return NULL;
    char *to = PyBytes_AS_STRING(out);
    short node = 0;
    int bits = 0, ones = 1; /* since the last symbol */
    for (Py_ssize_t i = 0; i < size; i++)
        for (int shift = 7; shift >= 0; shift--) {
            int bit = bytes[i] >> shift & 1;
            node = tree[node][bit];
            bits++;
            ones &= bit;
            if (node >= 0)
                continue;
            if (~node == EOS) {
                Py_DECREF(out);
                return broken();
            }
            to[used++] = (char)~node;
            node = bits = 0;
            ones = 1;
        }
    if (bits > 7 || !ones) {
        Py_DECREF(out);
        return broken();
    }
    _PyBytes_Resize(&out, used);
    return out;
}

static PyMethodDef methods[] = {
    {"know", know, METH_O, "Take the lengths of the codes, of 256 bytes and the end of a string."},
    {"decode", decode, METH_O, "The string that bytes code. ValueError where they code none."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_huffman", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__huffman(void)
{
    return PyModule_Create(&definition);
}
