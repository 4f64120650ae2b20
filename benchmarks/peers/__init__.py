"""The peers: what is measured, one module each, with a function for every workload it can do."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec


@dataclass(frozen=True)
class Peer:
    """One way to compute, in a module `benchmarks.peers.<module>`.

    Attributes:
        package: what it needs; the peer is measured where this is installed.
        also: other packages whose version matters.
        caches: it keeps compiled code on disk, so that compiling is measured a second time.
        seconds: how long one size of one workload may take.
    """

    name: str
    module: str
    package: str
    also: tuple[str, ...] = ()
    caches: bool = False
    seconds: float = 180.0

    @property
    def installed(self) -> bool:
        """Whether the peer can be measured here."""
        return find_spec(self.package) is not None

    def versions(self) -> dict[str, str]:
        """Return the versions of its packages."""
        found = {}
        for name in (self.package, *self.also):
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = "not installed"
        return found


PEERS = {
    peer.name: peer
    for peer in (
        Peer("graphc", "graphc_peer", "graphc", ("numba", "llvmlite", "numpy", "scipy"), caches=True, seconds=400),
        Peer("numpy", "numpy_peer", "numpy"),
        Peer("numba", "numba_peer", "numba", ("llvmlite", "numpy")),
        Peer("jax", "jax_peer", "jax", ("jaxlib",), caches=True),
        Peer("torch", "torch_peer", "torch"),
        Peer("torch_compile", "torch_compile_peer", "torch", caches=True),
        Peer("pytensor", "pytensor_peer", "pytensor", ("numba",), caches=True),
        Peer("casadi", "casadi_peer", "casadi"),
        Peer("autograd", "autograd_peer", "autograd"),
        Peer("sympy", "sympy_peer", "sympy"),
    )
}
"""Every peer by name; graphc first, the hand-written ones next."""

BY_HAND = ("numpy", "numba")
"""The peers whose derivatives were written by hand: limits to aim at, not rivals."""
