"""Writing in place: what a loop only copies goes where it stays, unless something around the loop needs it."""

from graphc.kernel.in_place import write_in_place
from graphc.kernel.ir import Buffer, Call, Const, Fold, Kernel, Let, Load, Loop, Name, Statement, Store

ZERO = Const(0, "int64")
X, TOTAL = Name("x", "float64"), Name("total", "float64")


def element(buffer: str) -> Load:
    return Load(buffer, (ZERO,), "float64")


def kernel_of(*body: Statement) -> Kernel:
    buffers = {name: Buffer(name, "float64", (1,), "workspace") for name in ("outer", "inner")}
    return Kernel((X,), buffers, (Let("total", Const(0.0, "float64")), *body), (TOTAL,))


def test_what_a_step_computes_and_copies_is_written_where_it_is_copied_to() -> None:
    begin = Store("inner", (ZERO,), X)
    compute = Store("outer", (ZERO,), Call("sin", (element("inner"),), "float64"))
    copy = Store("inner", (ZERO,), element("outer"))
    end = Fold("total", "add", element("inner"), "float64")
    found = write_in_place(kernel_of(begin, Loop("step1", 2, (compute, copy), ordered=True), end))
    at_once = Store("inner", (ZERO,), Call("sin", (element("inner"),), "float64"))
    assert found.body[2] == Loop("step1", 2, (at_once,), ordered=True)


def test_a_carry_of_a_loop_outside_is_copied_where_one_inside_begins_with_it() -> None:
    begin = Store("outer", (ZERO,), X)
    read = Fold("total", "add", element("outer"), "float64")
    copy = Store("inner", (ZERO,), element("outer"))
    change = Store("inner", (ZERO,), Call("sin", (element("inner"),), "float64"))
    advance = Store("outer", (ZERO,), Call("cos", (element("outer"),), "float64"))
    within = Loop("step2", 2, (read, copy, change), ordered=True)
    kernel = kernel_of(begin, Loop("step1", 2, (within, advance), ordered=True))
    assert write_in_place(kernel) == kernel
