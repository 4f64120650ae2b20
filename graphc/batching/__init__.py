"""Batching, graph to graph: what a graph computes of one item, computed of an array of items."""
