"""Showing what there is: graphs as text and pictures, what a compilation did."""
