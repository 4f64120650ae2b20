"""How a graph becomes loops: the kernel IR and the passes over it."""
