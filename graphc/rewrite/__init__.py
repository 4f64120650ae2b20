"""Simplification: rules as equations, and the engine that applies them."""
