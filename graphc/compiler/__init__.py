"""From expressions to functions: the pipeline, the compiled function, derivatives of Python functions."""
