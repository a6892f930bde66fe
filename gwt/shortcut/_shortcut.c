/* The short cut of a plain exchange: what gwt's Python does for a whole GET and its whole answer, in compiled code.
 *
 * It works on the very objects of the Python code, leaves them as that would, and does nothing at all where anything is
 * unusual: then the Python code runs. gwt/shortcut/__init__.py says more. */
#define _GNU_SOURCE
#include "_answer.h"
#include "_receive.h"

/* -- a function of gwt that has a short cut -- */

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *function;
    PyObject *name;
    int (*take)(PyObject *const *);
    Py_ssize_t count; /* of arguments, the object included */
} Shortcut;

/* Take the short cut, or call the function. */
static PyObject *shortcut_call(PyObject *self, PyObject *const *args, size_t flags, PyObject *names)
{
    Shortcut *it = (Shortcut *)self;
    int done = names == NULL && PyVectorcall_NARGS(flags) == it->count ? it->take(args) : 0;
    if (done == 0)
        return PyObject_Vectorcall(it->function, args, flags, names);
    return done < 0 ? NULL : Py_NewRef(Py_None);
}

static int take_receive(PyObject *const *args)
{
    return receive(args[0], args[1]);
}

static int take_answer(PyObject *const *args)
{
    int done = answer(args[0], args[1]);
    return done < 0 ? failed(args[0]) : done;
}

static int take_forward(PyObject *const *args)
{
    return forward(args[0], args[1], args[2]);
}

static int take_finished(PyObject *const *args)
{
    return finished(args[0], args[1]);
}

static const struct {
    const char *name;
    int (*take)(PyObject *const *);
    Py_ssize_t count;
} all[] = {{"receive", take_receive, 2}, {"answer", take_answer, 2}, {"forward", take_forward, 3}, {"respond", respond, 7}, {"finished", take_finished, 2}};

static PyObject *shortcut_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    const char *name;
    PyObject *function;
    if (keywords != NULL || !PyArg_ParseTuple(args, "sO", &name, &function))
        return NULL;
    Shortcut *it = (Shortcut *)type->tp_alloc(type, 0);
    if (it == NULL)
        return NULL;
    it->vectorcall = shortcut_call;
    it->function = Py_NewRef(function);
    it->name = PyUnicode_FromString(name);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(name, all[i].name) == 0) {
            it->take = all[i].take;
            it->count = all[i].count;
        }
    if (it->take == NULL)
        PyErr_Format(PyExc_ValueError, "no short cut is called %s", name);
    if (it->name == NULL || PyErr_Occurred())
        Py_CLEAR(it);
    return (PyObject *)it;
}

static void shortcut_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((Shortcut *)self)->function);
    Py_CLEAR(((Shortcut *)self)->name);
    Py_TYPE(self)->tp_free(self);
}

static int shortcut_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((Shortcut *)self)->function);
    return 0;
}

static PyObject *shortcut_get(PyObject *self, PyObject *object, PyObject *Py_UNUSED(type))
{
    return object == NULL || object == Py_None ? Py_NewRef(self) : PyMethod_New(self, object);
}

static PyObject *shortcut_attribute(PyObject *self, PyObject *name)
{
    PyObject *found = PyObject_GenericGetAttr(self, name);
    if (found != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return found;
    PyErr_Clear();
    return PyObject_GetAttr(((Shortcut *)self)->function, name);
}

static PyMemberDef shortcut_members[] = {
    {"__wrapped__", T_OBJECT_EX, offsetof(Shortcut, function), READONLY, "The function."},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Shortcut, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject ShortcutType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "gwt.shortcut._shortcut.Shortcut",
    .tp_doc = "Shortcut(name, function): `function`, with a short cut for what is plain.",
    .tp_basicsize = sizeof(Shortcut),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_new = shortcut_new,
    .tp_dealloc = shortcut_dealloc,
    .tp_traverse = shortcut_traverse,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Shortcut, vectorcall),
    .tp_descr_get = shortcut_get,
    .tp_getattro = shortcut_attribute,
    .tp_members = shortcut_members,
};

/* -- what it has to know -- */

/* The class of that name, its instances nothing but slots; NULL with an error set. */
static PyTypeObject *class_of(PyObject *table, const char *name)
{
    PyObject *found = PyDict_GetItemString(table, name);
    if (found == NULL || !PyType_Check(found)) {
        PyErr_Format(PyExc_ValueError, "the short cut is not told what %s is", name);
        return NULL;
    }
    PyTypeObject *type = (PyTypeObject *)found;
    if (type->tp_dictoffset != 0 || type->tp_weaklistoffset != 0 || type->tp_itemsize != 0) {
        PyErr_Format(PyExc_TypeError, "%s has more than slots", name);
        return NULL;
    }
    return (PyTypeObject *)Py_NewRef(found);
}

/* Where the slot is in instances of a class; -1 with an error set. */
static Py_ssize_t offset_of(PyTypeObject *type, const char *name)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)type, name);
    if (found == NULL)
        return -1;
    Py_ssize_t offset = -1;
    if (Py_IS_TYPE(found, &PyMemberDescr_Type) && ((PyMemberDescrObject *)found)->d_member->type == T_OBJECT_EX)
        offset = ((PyMemberDescrObject *)found)->d_member->offset;
    else
        PyErr_Format(PyExc_TypeError, "%s.%s is no slot", type->tp_name, name);
    Py_DECREF(found);
    return offset;
}

static PyObject *constant_of(PyObject *table, const char *name)
{
    PyObject *found = PyDict_GetItemString(table, name);
    if (found == NULL)
        PyErr_Format(PyExc_ValueError, "the short cut is not told what %s is", name);
    return Py_XNewRef(found);
}

/* know(classes, constants): by name. Told again, the later word counts. Raises TypeError or ValueError. */
static PyObject *know(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *classes, *constants;
    if (!PyArg_ParseTuple(args, "O!O!", &PyDict_Type, &classes, &PyDict_Type, &constants))
        return NULL;
    known = 0;
#define KNOW_CLASS(name) \
    if ((name##_class = class_of(classes, #name)) == NULL) \
        return NULL;
    CLASSES(KNOW_CLASS)
#define KNOW_SLOT(class, name) \
    if ((class##_##name##_at = offset_of(class##_class, #name)) < 0) \
        return NULL;
    SLOTS(KNOW_SLOT)
#define KNOW_CONSTANT(name) \
    if ((the_##name = constant_of(constants, #name)) == NULL) \
        return NULL;
    CONSTANTS(KNOW_CONSTANT)
    if (PyLong_AsLong(the_kinds) != KINDS || !IS(the_request, Request) || !IS(the_request_head, RequestHead) || !IS(the_forward, Forward)
        || !PyTuple_CheckExact(the_seconds) || !PyDict_CheckExact(the_reasons) || !PyDict_Check(the_request_names) || !PyDict_Check(the_response_names)) {
        PyErr_SetString(PyExc_ValueError, "the short cut is told something else than it was built for");
        return NULL;
    }
    known = 1;
    Py_RETURN_NONE;
}

/* forget(): from now on nothing takes the short cut. */
static PyObject *forget(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    known = 0;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"know", know, METH_VARARGS, "know(classes, constants): what the short cut works on, by name."},
    {"forget", forget, METH_NOARGS, "From now on nothing takes the short cut."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_shortcut", NULL, -1, methods, NULL, NULL, NULL, NULL};

static int make_names(void)
{
    PyObject *time = PyImport_ImportModule("time");
    monotonic = time ? PyObject_GetAttrString(time, "monotonic") : NULL;
    Py_XDECREF(time);
    name_write = PyUnicode_InternFromString("write");
    name_render = PyUnicode_InternFromString("render");
    name_failed = PyUnicode_InternFromString("_failed");
    name_take = PyUnicode_InternFromString("take");
    name_handler = PyUnicode_InternFromString("_handler");
    name_log = PyUnicode_InternFromString("log");
    name_end = PyUnicode_InternFromString("end");
    name_error = PyUnicode_InternFromString("error");
    name_passing = PyUnicode_InternFromString("passing");
    round_robin = PyUnicode_InternFromString("round_robin");
    p2c = PyUnicode_InternFromString("p2c");
    forward_action = PyUnicode_InternFromString("forward");
    method_get = PyBytes_FromString("GET");
    method_head = PyBytes_FromString("HEAD");
    return PyErr_Occurred() ? -1 : 0;
}

PyMODINIT_FUNC PyInit__shortcut(void)
{
    fill_tables();
    fill_path_table();
    fill_log_tables();
    if (make_names() < 0 || PyType_Ready(&ShortcutType) < 0)
        return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddObjectRef(made, "Shortcut", (PyObject *)&ShortcutType) < 0)
        Py_CLEAR(made);
    return made;
}
