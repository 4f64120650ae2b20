"""Random numbers: the published generator, the distributions they follow, the same bits everywhere, derivatives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import graphc as gx
from graphc.backends.formulas import threefry
from graphc.errors import ArgumentError, DTypeError, GraphcError, NotDifferentiable, ShapeError
from graphc.ops.random_bits import THREEFRY
from graphc.ops.scalar_row import elementwise

KEY = gx.symbol("key", dtype="uint64")
COUNT = 20_000
LEAST = 1e-3
"""What the probability of a worse sample must be above; the seeds are fixed."""

VECTORS = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ((0x00000000, 0x00000001), (0x00000000, 0x0000002A), (0x03D7B32D, 0xADD083F4)),
    ((0x40000000, 0x00000007), (0x01234567, 0x89ABCDEF), (0x4B708DC0, 0xC1B6205C)),
]
"""Counter, key and result. The first three are the known answers of Random123 (kat_vectors: threefry2x32, 20 rounds);
all five are what `jax.extend.random.threefry_2x32(key, counter)` of JAX 0.10.2 gives."""


def joined(pair: tuple[int, int]) -> int:
    return pair[0] << 32 | pair[1]


def draw(expression: gx.Expr, seed: int = 7, **options: Any) -> Any:
    """Return the value of an expression of KEY."""
    return gx.compile(expression, [KEY], **options)(seed)


@pytest.mark.parametrize(("counter", "key", "wanted"), VECTORS)
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_the_generator_gives_the_published_answers(counter, key, wanted, backend: str) -> None:
    counters = gx.tensor("counters", ("n",), "uint64")
    fn = gx.compile(elementwise(THREEFRY, KEY, counters), [KEY, counters], backend=backend)
    assert fn(joined(key), np.array([joined(counter)] * 9, np.uint64)).tolist() == [joined(wanted)] * 9
    with np.errstate(over="ignore"):
        assert int(threefry(np.uint64(joined(key)), np.uint64(joined(counter)))) == joined(wanted)


DISTRIBUTIONS: dict[str, tuple[Callable[..., gx.Expr], Any]] = {
    "uniform": (lambda shape, dtype: gx.random.uniform(KEY, shape, dtype), stats.uniform),
    "uniform between": (lambda shape, dtype: gx.random.uniform(KEY, shape, dtype, -2, 3), stats.uniform(-2, 5)),
    "normal": (lambda shape, dtype: gx.random.normal(KEY, shape, dtype), stats.norm),
    "exponential": (lambda shape, dtype: gx.random.exponential(KEY, shape, dtype), stats.expon),
    "gumbel": (lambda shape, dtype: gx.random.gumbel(KEY, shape, dtype), stats.gumbel_r),
    "truncated": (
        lambda shape, dtype: gx.random.truncated_normal(KEY, -0.5, 2.0, shape, dtype),
        stats.truncnorm(-0.5, 2.0),
    ),
    "far out": (
        lambda shape, dtype: gx.random.truncated_normal(KEY, 5.0, float("inf"), shape, dtype),
        stats.truncnorm(5.0, np.inf),
    ),
}


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_numbers_follow_their_distribution(name: str, dtype: str, seed: int) -> None:
    make, distribution = DISTRIBUTIONS[name]
    numbers = draw(make((COUNT,), dtype), seed)
    assert numbers.dtype == dtype
    assert np.isfinite(numbers).all()
    assert stats.kstest(numbers.astype(np.float64), distribution.cdf).pvalue > LEAST


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_backends_draw_the_same_numbers(name: str, dtype: str) -> None:
    expression = DISTRIBUTIONS[name][0]((50, 3), dtype)
    found, wanted = draw(expression), draw(expression, backend="reference")
    if name == "uniform":
        assert np.array_equal(found, wanted)
    np.testing.assert_allclose(found, wanted, rtol=2e-5 if dtype == "float32" else 1e-13, atol=np.finfo(dtype).eps * 4)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_uniform_numbers_are_never_1(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = gx.constant(2**64 - 1, "uint64")
    monkeypatch.setattr("graphc.ops.random_continuous.words", lambda key, shape: gx.broadcast_to(largest, (3,)))
    assert (gx.compile(gx.random.uniform(KEY, (3,), dtype))() == np.nextafter(np.ones(3, dtype), 0)).all()


@pytest.mark.parametrize("word", [0, 1, 2**64 - 2, 2**64 - 1])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["normal", "exponential", "gumbel"])
def test_every_word_of_bits_gives_a_finite_number(name: str, dtype: str, word: int, monkeypatch) -> None:
    given = gx.broadcast_to(gx.constant(word, "uint64"), (3,))
    monkeypatch.setattr("graphc.ops.random_continuous.words", lambda key, shape: given)
    assert np.isfinite(gx.compile(getattr(gx.random, name)(KEY, (3,), dtype))()).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_every_bit_is_a_fair_coin(dtype: str) -> None:
    numbers = draw(gx.random.bits(KEY, (COUNT,), dtype))
    bits = np.unpackbits(numbers.view(np.uint8)).reshape(COUNT, -1)
    assert (abs(bits.mean(axis=0) - 0.5) < 4.5 * 0.5 / np.sqrt(COUNT)).all()


def test_neighbours_are_not_correlated() -> None:
    numbers = draw(gx.random.normal(KEY, (COUNT,)))
    for distance in (1, 2, 3, 64):
        assert abs(np.corrcoef(numbers[:-distance], numbers[distance:])[0, 1]) < 4 / np.sqrt(COUNT)


def test_keys_from_one_key_draw_independent_numbers() -> None:
    keys = [KEY, *gx.random.split(KEY, 3), gx.random.fold_in(KEY, 0), gx.random.fold_in(KEY, 1)]
    drawn = gx.compile([gx.random.normal(each, (COUNT,)) for each in keys], [KEY])(3)
    correlated = np.corrcoef(drawn) - np.eye(len(keys))
    assert abs(correlated).max() < 4.5 / np.sqrt(COUNT)


def test_no_key_of_a_key_is_met_twice() -> None:
    step = gx.arange(1000)
    families = [gx.random.split(KEY, 1000), gx.random.fold_in(KEY, step), gx.random.bits(KEY, (1000,))]
    assert len(set(np.concatenate(gx.compile(families, [KEY])(0)).tolist())) == 3000


@pytest.mark.parametrize("shape", [(), (0,), (1,), (4, 0, 2), (2, 3, 5)])
def test_shapes_without_and_with_elements(shape: tuple[int, ...]) -> None:
    for expression in (gx.random.normal(KEY, shape), gx.random.bits(KEY, shape), gx.random.randint(KEY, shape, 0, 9)):
        found, wanted = np.asarray(draw(expression)), np.asarray(draw(expression, backend="reference"))
        assert found.shape == wanted.shape == shape
        np.testing.assert_allclose(found.astype(float), wanted.astype(float), rtol=1e-13)


def test_an_array_has_the_numbers_of_its_elements_in_order() -> None:
    flat = draw(gx.random.bits(KEY, (30,)))
    assert np.array_equal(draw(gx.random.bits(KEY, (2, 3, 5))).ravel(), flat)
    assert np.array_equal(draw(gx.random.bits(KEY, (2, 3, 5)).T), flat.reshape(2, 3, 5).T)
    assert draw(gx.random.bits(KEY, (2, 3, 5))[1, 2, 3]) == flat[28]


@pytest.mark.parametrize("jit", ["0", "1"])
def test_named_dimensions_draw_what_numbers_draw(jit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHC_JIT", jit)
    x = gx.tensor("x", ("n", 3))
    fn = gx.compile(x + gx.random.uniform(KEY, x.shape), [KEY, x])
    for count in (0, 1, 7):
        wanted = draw(gx.random.uniform(KEY, (count, 3)))
        assert np.array_equal(fn(7, np.zeros((count, 3))), wanted)


def test_threads_draw_the_same_numbers() -> None:
    expression = gx.random.normal(KEY, (400_000,))
    assert np.array_equal(draw(expression, threads=1), draw(expression, threads=2))


def test_the_number_of_an_element_does_not_depend_on_what_is_computed_with_it() -> None:
    x = gx.tensor("x", ("n",))
    noise = gx.random.uniform(KEY, x.shape)
    alone, summed = gx.compile([noise + x, gx.sum(noise * x)], [KEY, x])(5, np.ones(100))
    assert np.array_equal(alone - 1, draw(gx.random.uniform(KEY, (100,)) + 1, 5) - 1)
    assert summed == pytest.approx(draw(gx.random.uniform(KEY, (100,)), 5).sum(), rel=1e-14)


def test_numbers_need_no_memory_of_their_own() -> None:
    x = gx.tensor("x", ("n", 3))
    fn = gx.compile(gx.sum(x * gx.random.normal(KEY, x.shape)), [KEY, x])
    assert fn.source.count("for ") == 1
    assert "empty" not in fn.source


def test_a_key_is_carried_through_a_scan() -> None:
    def step(key: gx.Expr, _: None) -> tuple[gx.Expr, gx.Expr]:
        following, mine = gx.random.split(key)
        return following, gx.random.uniform(mine, (4,))

    last, drawn = gx.scan(step, KEY, None, length=5)
    found_last, found = gx.compile([last, drawn], [KEY])(11)
    key: gx.Expr = KEY
    for number in range(5):
        key, mine = gx.random.split(key)
        assert np.array_equal(found[number], draw(gx.random.uniform(mine, (4,)), 11))
    assert found_last == draw(key, 11)
    assert np.array_equal(found, draw(drawn, 11, backend="reference"))


def test_a_gradient_goes_through_the_noise_of_a_scan() -> None:
    scale = gx.symbol("scale")
    keys = gx.random.split(KEY, 6)
    total, _ = gx.scan(lambda carry, key: (carry + scale * gx.random.normal(key), None), 0.0, keys)
    slope = gx.compile(gx.grad(total, scale), [KEY, scale])(3, 2.0)
    drawn = draw(gx.stack([gx.random.normal(key) for key in keys]), 3)
    assert slope == pytest.approx(drawn.sum(), rel=1e-12)


def test_vmap_draws_for_each_key() -> None:
    keys = gx.tensor("keys", ("n",), "uint64")
    many = gx.vmap(lambda key: gx.random.uniform(key, (3,)))(keys)
    found = gx.compile(many, [keys])(np.array([1, 2, 7], np.uint64))
    assert np.array_equal(found[2], draw(gx.random.uniform(KEY, (3,))))


def test_location_and_scale_have_ordinary_derivatives() -> None:
    location, scale = gx.symbols("location scale")
    objective = gx.mean((location + scale * gx.random.normal(KEY, (100,))) ** 2)
    gradient = gx.compile(gx.grad(objective, [location, scale]), [KEY, location, scale])(1, 0.5, 2.0)
    noise = draw(gx.random.normal(KEY, (100,)), 1)
    assert gradient[0] == pytest.approx(2 * np.mean(0.5 + 2 * noise), rel=1e-12)
    assert gradient[1] == pytest.approx(2 * np.mean((0.5 + 2 * noise) * noise), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_bounds_have_derivatives(seed: int) -> None:
    low, high = gx.symbols("low high")
    at = {"low": -0.3, "high": 1.7, "key": seed}
    uniform = gx.random.uniform(KEY, (3,), minval=low, maxval=high)
    truncated = gx.random.truncated_normal(KEY, low, high, (3,))
    gx.assert_grads_match(gx.sum(uniform**2 + truncated**2), [low, high], at)


def test_a_dropout_mask_keeps_what_it_should_and_zeros_the_gradient() -> None:
    x = gx.tensor("x", ("n",))
    keep = gx.random.bernoulli(KEY, 0.8, x.shape)
    dropped = gx.where(keep, x / 0.8, 0.0)
    mask, value, slope = gx.compile([keep, dropped, gx.grad(gx.sum(dropped), x)], [KEY, x])(2, np.ones(COUNT))
    assert stats.binomtest(int(mask.sum()), COUNT, 0.8).pvalue > LEAST
    assert np.array_equal(value, mask / 0.8)
    assert np.array_equal(slope, mask / 0.8)


def test_integers_are_uniform_between_bounds_that_may_be_expressions() -> None:
    numbers = draw(gx.random.randint(KEY, (COUNT,), -3, 7))
    assert stats.chisquare(np.bincount(numbers + 3, minlength=10)).pvalue > LEAST
    top = gx.tensor("top", (4,), "int64")
    fn = gx.compile(gx.random.randint(KEY, (500, 4), 0, top, "int32"), [KEY, top])
    found = fn(1, [1, 2, 3, 100])
    assert found.dtype == np.int32
    assert (found.max(axis=0) == [0, 1, 2, found[:, 3].max()]).all()
    assert found[:, 3].max() < 100
    assert found.min() == 0


def test_categories_come_with_their_probabilities() -> None:
    logits = np.log([[0.1, 0.2, 0.7], [0.5, 0.5, 1e-300]]) + 3
    logits[1, 2] = -np.inf
    found = draw(gx.random.categorical(KEY, logits, shape=(COUNT, 2)))
    first, second = (np.bincount(found[:, number], minlength=3) for number in (0, 1))
    assert stats.chisquare(first, COUNT * np.array([0.1, 0.2, 0.7])).pvalue > LEAST
    assert second[2] == 0
    assert stats.binomtest(int(second[0]), COUNT).pvalue > LEAST
    assert draw(gx.random.categorical(KEY, logits.T, axis=0)).shape == (2,)


def test_permutations_are_equally_likely_and_move_whole_items() -> None:
    keys = gx.tensor("keys", ("n",), "uint64")
    orders = gx.compile(gx.vmap(lambda key: gx.random.permutation(key, 3))(keys), [keys])(
        np.arange(3000, dtype=np.uint64)
    )
    assert stats.chisquare(np.unique(orders, axis=0, return_counts=True)[1]).pvalue > LEAST
    x = gx.tensor("x", ("n", 2))
    rows, order = gx.compile([gx.random.permutation(KEY, x), gx.random.permutation(KEY, "n")], [KEY, x])(
        7, np.arange(20.0).reshape(10, 2)
    )
    assert sorted(order.tolist()) == list(range(10))
    assert np.array_equal(rows, np.arange(20.0).reshape(10, 2)[order])
    assert np.array_equal(draw(gx.random.permutation(KEY, 10), backend="reference"), order)


@pytest.mark.parametrize("a", [0.05, 0.7, 1.0, 3.5, 1000.0])
def test_gamma_numbers_follow_their_distribution(a: float) -> None:
    for dtype in ("float64", "float32"):
        numbers = draw(gx.random.gamma(KEY, a, (COUNT,), dtype))
        assert numbers.dtype == dtype
        assert stats.kstest(numbers.astype(np.float64), stats.gamma(a).cdf).pvalue > LEAST


def test_gamma_numbers_of_no_distribution_are_nan() -> None:
    found = draw(gx.random.gamma(KEY, np.array([-1.0, 0.0, np.nan, np.inf, 2.0])))
    assert np.isnan(found).tolist() == [True, True, True, True, False]
    assert draw(gx.random.gamma(KEY, 2.0, (0,))).shape == (0,)
    wanted = draw(gx.random.gamma(KEY, np.arange(1.0, 5.0)), backend="reference")
    np.testing.assert_allclose(draw(gx.random.gamma(KEY, np.arange(1.0, 5.0))), wanted, rtol=1e-12)


def test_the_derivative_of_gamma_numbers_by_their_parameter_is_refused() -> None:
    a, scale = gx.symbols("a scale")
    number = scale * gx.random.gamma(KEY, a)
    with pytest.raises(NotDifferentiable, match=r"by its parameter[\s\S]*test_random.py"):
        gx.grad(number, a)
    slope = gx.compile(gx.grad(number, scale), [KEY, a])(7, 2.0)
    assert slope == draw(gx.random.gamma(KEY, 2.0))


def test_seeds_are_integers_of_any_size_or_expressions() -> None:
    seed = gx.symbol("seed", dtype="int64")
    fn = gx.compile(gx.random.key(seed), [seed])
    assert fn(-1) == 2**64 - 1
    assert gx.random.key(-1) is gx.random.key(2**64 - 1) is gx.random.PRNGKey(2**65 - 1)
    assert gx.random.key(np.int64(5)) is gx.random.key(5)


WRONG: list[tuple[Callable[[], Any], type[GraphcError], str]] = [
    (lambda: gx.random.key(1.5), DTypeError, "random.key: a seed is an integer"),
    (lambda: gx.random.key(gx.tensor("s", (2,), "int64")), ShapeError, "random.key: a seed is one integer"),
    (lambda: gx.random.normal(0), DTypeError, "random.normal: a key has dtype uint64"),
    (
        lambda: gx.random.uniform(gx.random.split(KEY), (2,)),
        ShapeError,
        r"one key expected, got an array of shape \(2,",
    ),
    (lambda: gx.random.normal(KEY, (2,), "int64"), DTypeError, "float64 or float32 expected"),
    (lambda: gx.random.bits(KEY, (2,), "int64"), DTypeError, "unsigned"),
    (lambda: gx.random.fold_in(KEY, 0.5), DTypeError, "integers, got float64"),
    (lambda: gx.random.randint(KEY, (2,), 3, 3), ArgumentError, "no integer from 3 to below 3"),
    (lambda: gx.random.randint(KEY, (2,), 0.0, 3), DTypeError, "integers expected"),
    (lambda: gx.random.uniform(KEY, (2,), minval=np.zeros(3)), ShapeError, "broadcast"),
    (lambda: gx.random.categorical(KEY, np.zeros((2, 3)), shape=(3,)), ShapeError, "does not end with"),
    (lambda: gx.random.categorical(KEY, np.zeros(3), axis=1), ShapeError, "axis 1 is out of range"),
]


@pytest.mark.parametrize(("call", "kind", "message"), WRONG)
def test_errors_say_what_and_where(call: Callable[[], Any], kind: type[GraphcError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        call()
    assert Path(__file__).name in str(caught.value)
