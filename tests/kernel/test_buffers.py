"""Dead statements: what reaches no result goes, however long the way there."""

from graphc.kernel.buffers import drop_dead
from graphc.kernel.ir import Assign, Buffer, Call, Const, Fold, Kernel, Let, Load, Loop, Name, Store

ZERO = Const(0, "int64")


def test_a_chain_that_reaches_no_result_goes_in_one_pass():
    buffers = {f"w{number}": Buffer(f"w{number}", "float64", (1,), "workspace") for number in range(300)}
    body = [Let("first", Name("x", "float64")), Store("w0", (ZERO,), Name("first", "float64"))]
    for number in range(1, 300):
        body.append(Let(f"v{number}", Load(f"w{number - 1}", (ZERO,), "float64")))
        body.append(Store(f"w{number}", (ZERO,), Name(f"v{number}", "float64")))
    result = Call("exp", (Name("x", "float64"),), "float64")
    kernel = drop_dead(Kernel((Name("x", "float64"),), buffers, tuple(body), (result,)))
    assert (kernel.body, kernel.buffers) == ((), {})


def test_names_that_only_they_themselves_read_go_with_their_loop():
    x, total, number = Name("x", "float64"), Name("total", "float64"), Name("number", "float64")
    again = Assign("number", Call("add", (number, x), "float64"))
    loop = Loop("i", 9, (Fold("total", "add", x, "float64"), again))
    start = (Let("total", Const(0.0, "float64")), Let("number", Const(0.0, "float64")))
    kept = drop_dead(Kernel((x,), {}, (*start, loop), (total,)))
    assert kept.body == (start[0], Loop("i", 9, (loop.body[0],)))


def test_what_only_a_view_writes_and_nobody_reads_goes():
    buffers = {
        "w0": Buffer("w0", "float64", (1, 1), "workspace"),
        "view1": Buffer("view1", "float64", (1,), "view", "w0"),
    }
    x = Name("x", "float64")
    kernel = drop_dead(Kernel((x,), buffers, (Store("view1", (ZERO,), x),), (x,)))
    assert (kernel.body, kernel.buffers) == ((), {})


def test_what_a_view_writes_stays_if_its_base_is_read():
    buffers = {
        "w0": Buffer("w0", "float64", (1, 1), "workspace"),
        "view1": Buffer("view1", "float64", (1,), "view", "w0"),
    }
    x = Name("x", "float64")
    kernel = Kernel((x,), buffers, (Store("view1", (ZERO,), x),), (Load("w0", (ZERO, ZERO), "float64"),))
    assert drop_dead(kernel) == kernel
