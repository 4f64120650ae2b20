"""The benchmark suite: graphc beside hand-written code and other compilers. Start with `python -m benchmarks.run`."""
