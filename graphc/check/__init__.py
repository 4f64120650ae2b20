"""Proofs and comparisons: SymPy both ways, derivatives against each other."""
