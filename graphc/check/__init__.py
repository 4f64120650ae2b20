"""Proofs and comparisons of derivatives, and SymPy in both directions; the only importer of SymPy."""
