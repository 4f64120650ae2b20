"""Derivatives, graph to graph: gradients, products with Jacobians, costs."""
