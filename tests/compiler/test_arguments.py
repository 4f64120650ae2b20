"""Arguments of compiled functions: what NumPy would take works, the rest is refused by name."""

import numpy as np
import pytest

import graphc as gx
from graphc.backends import runtime
from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.kernel.names import unique_names

BACKENDS = ["cpu", "reference"]


@pytest.fixture(params=BACKENDS, scope="module")
def double(request):
    """Return a function of one vector of any length."""
    return gx.compile(gx.tensor("x", ("n",)) * 2, backend=request.param)


@pytest.fixture(params=BACKENDS, scope="module")
def product(request):
    """Return a function of two matrices that share a dimension."""
    a, b = gx.tensor("a", ("n", "m")), gx.tensor("b", ("m", 2))
    return gx.compile(a @ b, backend=request.param)


def unaligned(length):
    """Return an array that does not begin at a multiple of eight bytes."""
    return np.zeros(8 * length + 1, np.uint8)[1:].view(np.float64)


def read_only(array):
    """Return an array that nothing may write to."""
    array.flags.writeable = False
    return array


GOOD = {
    "list": [1.0, 2.0, 3.0],
    "tuple": (1, 2, 3),
    "list of NumPy scalars": [np.float64(1), np.float32(2), np.int8(3)],
    "integers": np.arange(3),
    "booleans": np.array([True, False]),
    "narrow floats": np.ones(3, np.float16),
    "every other element": np.arange(6.0)[::2],
    "backwards": np.arange(3.0)[::-1],
    "read-only": read_only(np.ones(3)),
    "foreign byte order": np.ones(3, ">f8"),
    "unaligned": unaligned(3),
    "empty": np.zeros(0),
    "empty list": [],
    "not finite": np.array([np.nan, np.inf, -np.inf]),
    "masked": np.ma.masked_array([1.0, 2.0], mask=[True, False]),
    "subclass": np.ones(3).view(np.recarray),
}


@pytest.mark.parametrize("value", GOOD.values(), ids=GOOD.keys())
def test_what_numpy_would_take_is_taken(double, value):
    for _ in range(2):
        result = double(value)
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, np.asarray(value, float) * 2)


def test_foreign_byte_order_is_never_taken_for_native(double):
    for value in (unaligned(3), np.ones(3, ">f8"), read_only(np.ones(3)), np.ones(3, ">f8")):
        np.testing.assert_array_equal(double(value), np.asarray(value, float) * 2)


BAD = {
    "rank 0": (1.0, ShapeError, r"argument 'x': expected 1 dimension\(s\) \(n,\), got 0"),
    "rank 2": (np.ones((2, 2)), ShapeError, r"got 2 with shape \(2, 2\)"),
    "complex": (np.ones(2, complex), DTypeError, "argument 'x': expected dtype float64, got complex128"),
    "text": ("abc", DTypeError, "argument 'x': expected dtype float64"),
    "list of text": (["1"], DTypeError, "argument 'x'"),
    "None": (None, DTypeError, "argument 'x'"),
    "objects": (np.array([1, 2], object), DTypeError, "got object"),
    "huge integers": ([2**70], DTypeError, "got object"),
    "ragged": ([[1], [1, 2]], DTypeError, "no array can be made"),
    "set": ({1.0}, DTypeError, "argument 'x'"),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), DTypeError, "argument 'x'"),
    "wider floats": (np.ones(2, np.longdouble), DTypeError, "expected dtype float64"),
    "expression": (gx.symbol("y"), ArgumentError, "an expression given where a value is expected"),
}


@pytest.mark.parametrize(("value", "error", "message"), BAD.values(), ids=BAD.keys())
def test_what_does_not_fit_is_refused_by_name(double, value, error, message):
    with pytest.raises(error, match=message):
        double(value)


SCALARS = [
    ("int8", 127, 127), ("int8", -128, -128), ("uint8", 255, 255), ("int64", 2**63 - 1, 2**63 - 1),
    ("uint64", 2**64 - 1, 2**64 - 1), ("float64", 3, 3.0), ("float64", True, 1.0), ("float64", 2**70, 2.0**70),
    ("float64", np.float32(0.5), 0.5), ("float64", np.array(2), 2.0), ("float32", 0.5, 0.5), ("bool", True, True),
    ("float64", float("nan"), float("nan")), ("int64", np.int8(3), 3), ("float32", 2**70, 2.0**70),
]  # fmt: skip
BAD_SCALARS = [
    ("int8", 128, DTypeError, "128 is out of range for int8"),
    ("uint8", -1, DTypeError, "-1 is out of range for uint8"),
    ("int64", 2**63, DTypeError, "out of range for int64"),
    ("int64", 2**70, DTypeError, "argument 's'"),
    ("float64", 2**2000, DTypeError, "argument 's'"),
    ("int64", 1.5, DTypeError, "expected dtype int64, got float64"),
    ("float32", np.float64(1), DTypeError, "expected dtype float32, got float64"),
    ("int8", np.int64(1), DTypeError, "expected dtype int8, got int64"),
    ("bool", 1, DTypeError, "expected dtype bool"),
    ("float64", [1.0], ShapeError, "expected a scalar, got shape"),
    ("float64", np.ones(1), ShapeError, "expected a scalar"),
    ("float64", 1j, DTypeError, "got complex128"),
    ("float64", None, DTypeError, "got object"),
    ("float64", "1", DTypeError, "expected dtype float64"),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("dtype", "value", "expected"), SCALARS)
def test_scalars_that_fit_keep_their_value(backend, dtype, value, expected):
    function = gx.compile(gx.symbol("s", (), dtype), backend=backend)
    np.testing.assert_array_equal(function(value), expected)
    assert np.asarray(function(s=value)).dtype == dtype


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("dtype", "value", "error", "message"), BAD_SCALARS)
def test_scalars_that_do_not_fit_are_refused(backend, dtype, value, error, message):
    with pytest.raises(error, match=message):
        gx.compile(gx.symbol("s", (), dtype), backend=backend)(value)


@pytest.mark.parametrize("value", [300, -1])
def test_integers_in_lists_are_held_to_the_range_of_the_dtype(value):
    function = gx.compile(gx.tensor("v", (2,), "uint8"))
    with pytest.raises(DTypeError, match=f"{value} is out of range for uint8"):
        function([1, value])
    np.testing.assert_array_equal(function([1, 255]), [1, 255])


def test_a_mismatched_dimension_names_both_arguments(product):
    with pytest.raises(ShapeError, match=r"argument 'b': .*axis 0 must be m, with m = 3 from axis 1 of 'a'"):
        product(a=np.ones((2, 3)), b=np.ones((4, 2)))


def test_a_mismatched_fixed_size_names_the_axis(product):
    with pytest.raises(ShapeError, match=r"argument 'b': expected shape \(m, 2\), got \(3, 5\): axis 1 must be 2"):
        product(a=np.ones((2, 3)), b=np.ones((3, 5)))


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (1, 1)])
def test_empty_and_unit_sizes_work(product, shape):
    a, b = np.ones(shape), np.ones((shape[1], 2))
    np.testing.assert_array_equal(product(a=a, b=b), a @ b)


def test_an_empty_array_read_by_loops_of_other_shapes_works():
    a, w = gx.tensor("a", (0, 2)), gx.tensor("w", (2, 2))
    product = a / (1.5 + gx.cos(gx.erf(a))) @ gx.sin(w)
    powers = (1.5 + gx.sin(a)) ** gx.cos(a), gx.sin(1 / (1.25 + gx.cos(a))) ** 3
    outputs = [gx.broadcast_to(a, (2, 0, 2)), product, *powers]
    function = gx.compile(sum(gx.sin(each).sum() for each in outputs), inputs=[a, w])
    assert function(np.zeros((0, 2)), np.ones((2, 2))) == 0


def test_fortran_order_works(product):
    a = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(product(a=a, b=np.ones((2, 3)).T), a @ np.ones((3, 2)))


CALLS = {
    "missing": (lambda f: f(a=np.ones((2, 3))), "missing argument 'b'; expected a, b"),
    "none": (lambda f: f(), "missing argument 'a'"),
    "unknown": (lambda f: f(a=1, b=2, c=3), "unknown argument 'c'; expected a, b"),
    "misspelt": (lambda f: f(a=1, B=2), "unknown argument 'B'"),
    "positions without an order": (lambda f: f(1, 2), "passed by name here, since no order was given: a, b"),
}


@pytest.mark.parametrize(("call", "message"), CALLS.values(), ids=CALLS.keys())
def test_wrong_names_are_refused(product, call, message):
    with pytest.raises(ArgumentError, match=message):
        call(product)


def test_with_an_order_positions_and_names_mix_but_never_meet():
    x, y = gx.symbols("x y")
    function = gx.compile(x - y, inputs=[x, y])
    assert function(3, 1) == function(3, y=1) == function(y=1, x=3) == 2
    with pytest.raises(ArgumentError, match="argument 'x' is given twice"):
        function(3, x=1)
    with pytest.raises(ArgumentError, match="3 positional arguments given; expected x, y"):
        function(1, 2, 3)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("build", "length", "message"),
    [
        (lambda x: x[5], 3, "index 5 is out of bounds for size 3"),
        (lambda x: gx.max(x), 0, "max of no elements"),
        (lambda x: gx.argmin(x), 0, "argmin of no elements"),
    ],
)
def test_sizes_that_leave_nothing_to_compute_are_refused(backend, build, length, message):
    function = gx.compile(build(gx.tensor("x", ("n",))), backend=backend)
    function(np.ones(6))
    with pytest.raises(ShapeError, match=message):
        function(np.ones(length))


@pytest.mark.parametrize("backend", BACKENDS)
def test_logsumexp_of_nothing_is_minus_infinity(backend):
    x = gx.tensor("x", ("n", "m"))
    np.testing.assert_array_equal(gx.compile(gx.logsumexp(x, axis=1), backend=backend)(np.ones((2, 0))), [-np.inf] * 2)


# out=


def test_out_takes_the_result_and_is_returned(double):
    target = np.zeros(3)
    assert double(np.arange(3.0), out=target) is target
    np.testing.assert_array_equal(target, [0, 2, 4])


@pytest.mark.parametrize(
    "target",
    [np.zeros(6)[::2], np.zeros(3)[::-1], unaligned(3), np.zeros((3, 2))[:, 0], np.zeros(5)[1:4]],
    ids=["every other element", "backwards", "unaligned", "column", "part"],
)
def test_out_may_be_any_part_of_an_array(double, target):
    assert double(np.arange(3.0), out=target) is target
    np.testing.assert_array_equal(target, [0, 2, 4])


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_out_may_overlap_an_input(double, offset):
    memory = np.arange(5.0)
    double(memory[:3], out=memory[offset : offset + 3])
    np.testing.assert_array_equal(memory[offset : offset + 3], [0, 2, 4])


BAD_OUT = {
    "too short": (lambda: np.zeros(2), ShapeError, r"out: shape \(3,\) expected, got \(2,\)"),
    "too long": (lambda: np.zeros(5), ShapeError, r"out: shape \(3,\) expected, got \(5,\)"),
    "wrong rank": (lambda: np.zeros((3, 1)), ShapeError, "out: shape"),
    "wrong dtype": (lambda: np.zeros(3, np.float32), ArgumentError, "a writable float64 array expected, got float32"),
    "foreign byte order": (lambda: np.zeros(3, ">f8"), ArgumentError, "writable float64 array expected"),
    "read-only": (lambda: read_only(np.zeros(3)), ArgumentError, "got read-only float64 array"),
    "list": (lambda: [0.0, 0.0, 0.0], ArgumentError, "out: expected the structure"),
    "number": (lambda: 1.0, ArgumentError, "writable float64 array expected, got float"),
}


@pytest.mark.parametrize(("make", "error", "message"), BAD_OUT.values(), ids=BAD_OUT.keys())
def test_out_that_does_not_fit_is_refused_and_left_alone(double, make, error, message):
    target = make()
    with pytest.raises(error, match=message):
        double(np.ones(3), out=target)
    assert not np.any(target == 2.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_out_has_the_structure_of_the_results(backend):
    x = gx.tensor("x", ("n",))
    function = gx.compile({"twice": x * 2, "sum": x.sum()}, backend=backend)
    out = {"twice": np.zeros(3), "sum": np.zeros(())}
    result = function(np.ones(3), out=out)
    assert result["twice"] is out["twice"]
    assert out["sum"] == 3
    with pytest.raises(ShapeError, match=r"out: shape \(\) expected, got \(5,\)"):
        function(np.ones(3), out={"twice": np.zeros(3), "sum": np.zeros(5)})
    with pytest.raises(ArgumentError, match="structure"):
        function(np.ones(3), out=[np.zeros(3), np.zeros(())])


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_share_no_memory_with_inputs_constants_each_other_or_later_results(backend):
    x = gx.tensor("x", ("n",))
    constant = gx.constant(np.arange(3.0))
    outputs = [x, x, gx.reshape(x, (-1, 1)), x[::-1], constant, x * 2, x * 2, gx.softmax(x)]
    function = gx.compile(outputs, inputs=[x], backend=backend)
    given = np.arange(3.0)
    first = function(given)
    expected = [array.copy() for array in first]
    for array in first:
        assert not np.may_share_memory(array, given)
        array[...] = -1
    np.testing.assert_array_equal(given, np.arange(3.0))
    for array, wanted in zip(function(given), expected, strict=True):
        np.testing.assert_array_equal(array, wanted)


# names

NAMES = [
    "lambda", "in", "None", "range", "abs", "min", "max", "float32", "math", "np", "inf", "nan", "gemm", "erf",
    "exp", "v1", "acc1", "out1", "i0", "k0", "w1", "c1", "kernel", "kernel_", "out", "self", "x0", "a0", "size_n",
    "rest", "named", "slow", "empty", "work", "returned", "é", "ℌ", "ﬁ", "print", "row", "MISSING", "tangents",
]  # fmt: skip


@pytest.mark.parametrize("jit", ["0", "1"])
def test_a_symbol_may_have_any_name(jit, monkeypatch):
    monkeypatch.setenv("GRAPHC_JIT", jit)
    symbols = {name: gx.symbol(name) for name in NAMES}
    terms = [gx.exp(s) * (number + 1.0) for number, s in enumerate(symbols.values())]
    guarded = [gx.where(term < float("inf"), term, float("nan")) for term in terms]
    function = gx.compile(sum(guarded[1:], guarded[0]))
    values = {name: number / len(NAMES) for number, name in enumerate(NAMES)}
    expected = sum(np.exp(values[name]) * (number + 1) for number, name in enumerate(NAMES))
    value, gradients = function.value_and_grad(**values)
    assert value == pytest.approx(expected)
    assert function(**values) == pytest.approx(expected)
    for number, name in enumerate(NAMES):
        assert gradients[name] == pytest.approx(np.exp(values[name]) * (number + 1))


@pytest.mark.parametrize("name", NAMES)
def test_a_dimension_may_have_any_name_even_that_of_an_array(name, monkeypatch):
    monkeypatch.setenv("GRAPHC_JIT", "0")
    a, b = gx.tensor(name, (name, "m")), gx.tensor("second", ("m", name))
    joined = gx.concatenate([gx.exp(a) @ b, a @ b], axis=0)
    function = gx.compile([joined[1:3].sum(axis=1), gx.reshape(a, (-1,)), a[:2, 1:]])
    values = np.random.default_rng(0).random((3, 2)), np.random.default_rng(1).random((2, 3))
    rows, flat, part = function(**{name: values[0], "second": values[1]})
    np.testing.assert_allclose(rows, (np.exp(values[0]) @ values[1])[1:3].sum(axis=1))
    np.testing.assert_array_equal(flat, values[0].ravel())
    np.testing.assert_array_equal(part, values[0][:2, 1:])


@pytest.mark.parametrize("jit", ["0", "1"])
def test_dimensions_called_like_functions_of_sizes_are_told_from_them(jit, monkeypatch):
    monkeypatch.setenv("GRAPHC_JIT", jit)
    x = gx.tensor("x", ("min", "max"))
    np.testing.assert_array_equal(gx.compile(x[:3, 1:].sum(axis=0))(np.ones((5, 4))), [3, 3, 3])


@pytest.mark.parametrize("name", runtime.__all__)
def test_no_name_a_generated_module_imports_is_used_for_a_variable(name):
    assert unique_names([name]) != [name]


def test_names_that_python_reads_as_one_stay_apart():
    first, second = unique_names(["ℌ", "H"])
    assert first != second
    assert first.isidentifier()
