"""The errors graphc raises: each says what is wrong, where the user wrote it, and what to do instead."""

from __future__ import annotations

from collections.abc import Callable

from numpy.linalg import LinAlgError


class GraphcError(Exception):
    """Base of every error graphc raises on purpose.

    Args:
        message: what is wrong, with the values (shapes, dtypes, names) that show it.
        remedy: what the user can do about it.
        origin: the user's ``file:line`` the error is about, when it is not the raising line itself.
    """

    def __init__(self, message: str, *, remedy: str | None = None, origin: str | None = None) -> None:
        self.message = message
        self.remedy = remedy
        self.origin = origin
        lines = [message]
        if origin is not None:
            lines.append(f"  at {origin}")
        if remedy is not None:
            lines.append(f"  remedy: {remedy}")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[Callable[..., GraphcError], tuple[type[GraphcError], str, str | None, str | None]]:
        return _restore, (type(self), self.message, self.remedy, self.origin)


def _restore(kind: type[GraphcError], message: str, remedy: str | None, origin: str | None) -> GraphcError:
    """Return a pickled error."""
    return kind(message, remedy=remedy, origin=origin)


class ShapeError(GraphcError, ValueError):
    """Shapes or sizes that do not fit each other, or do not fit the operation."""


class OutOfRangeError(GraphcError, IndexError):
    """An index beyond the axis it is for."""


class DTypeError(GraphcError, TypeError):
    """A dtype that the operation or the graph does not take."""


class ArgumentError(GraphcError, TypeError):
    """Arguments of a call that are missing, unknown, doubled or of the wrong kind."""


class TruthValueError(GraphcError, TypeError):
    """A symbolic expression used where Python needs True or False."""


class NotDifferentiable(GraphcError, ValueError):
    """A derivative that does not exist, or that graphc does not define."""


class UnsupportedError(GraphcError, NotImplementedError):
    """Something graphc knows about but does not do; the remedy says what to do instead."""


class ParseError(GraphcError, ValueError):
    """Text that is not an expression graphc reads."""


class SymPyConversionError(GraphcError, ValueError):
    """A SymPy expression with a part that has no operation in graphc, or the reverse."""


class BackendMissing(GraphcError, ImportError):
    """A backend or an extra that is not installed."""


class NonFiniteError(GraphcError, FloatingPointError):
    """A value that is NaN or infinite where the caller asked for finite ones."""


class SingularMatrixError(GraphcError, LinAlgError):
    """A matrix that has no inverse, or is not positive definite, where values are computed one by one."""


class CheckFailed(GraphcError, AssertionError):
    """A derivative or value that differs from its oracle."""


class InternalError(GraphcError, RuntimeError):
    """A fault of graphc itself: what holds of every kernel does not, or generated code does not compile."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = "please report it with the program that shows it",
        origin: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, origin=origin)


class CacheWarning(UserWarning):
    """A damaged entry of the kernel cache was thrown away and compiled again."""
