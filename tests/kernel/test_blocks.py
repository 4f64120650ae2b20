"""Products that read a matrix twice run on blocks of its rows."""

import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.kernel.blocks import ROWS
from graphc.kernel.ir import Library, Loop
from graphc.kernel.verify import verify


def logistic_loss():
    """Return a loss that reads its matrix twice, once for the value and once for the gradient."""
    data, labels, weights = gx.tensor("X", ("n", "k")), gx.tensor("y", ("n",)), gx.tensor("w", ("k",))
    scores = data @ weights
    return gx.mean(gx.softplus(scores) - labels * scores), [data, labels, weights]


def kernel_of(outputs, inputs):
    """Return the verified kernel of some outputs."""
    kernel = make_kernel(outputs, inputs, Record())
    verify(kernel, "all passes")
    return kernel


def gradient_kernel():
    """Return the kernel of the loss and its gradient."""
    loss, inputs = logistic_loss()
    return kernel_of([loss, gx.grad(loss, inputs[2])], inputs)


def blocks_of(kernel):
    """Return the loops over blocks."""
    return [statement for statement in kernel.body if isinstance(statement, Loop) and statement.step > 1]


def test_the_gradient_of_a_logistic_loss_reads_its_matrix_in_one_pass_of_blocks():
    (block,) = blocks_of(gradient_kernel())
    assert [type(statement) for statement in block.body] == [Library, Loop, Library]


def test_what_lives_within_a_block_has_memory_for_its_rows_only():
    workspaces = [b.shape for b in gradient_kernel().buffers.values() if b.role == "workspace"]
    assert workspaces == [(ROWS,), (ROWS,)]


def test_a_matrix_read_once_is_not_cut():
    loss, inputs = logistic_loss()
    assert not blocks_of(kernel_of([loss], inputs))


def test_a_product_that_needs_every_row_of_another_ends_the_run():
    matrix, vector = gx.tensor("A", ("n", "n")), gx.tensor("v", ("n",))
    kernel = kernel_of([gx.cos(matrix @ gx.tanh(matrix @ vector)).sum()], [matrix, vector])
    assert not blocks_of(kernel)


@pytest.mark.parametrize("rows", [0, 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 7])
@pytest.mark.parametrize("jit", ["0", "1"])
def test_values_are_those_of_the_reference_for_every_number_of_rows(rows, jit, monkeypatch):
    monkeypatch.setenv("GRAPHC_JIT", jit)
    loss, inputs = logistic_loss()
    random = np.random.default_rng(rows)
    values = random.normal(size=(rows, 5)), random.random(rows), random.normal(size=5)
    compiled, reference = (
        gx.compile(loss, inputs, wrt=[inputs[2]], backend=backend).value_and_grad(*values)
        for backend in ("cpu", "reference")
    )
    np.testing.assert_allclose(compiled[0], reference[0], rtol=1e-13)
    np.testing.assert_allclose(compiled[1][0], reference[1][0], rtol=1e-11, atol=1e-14)
