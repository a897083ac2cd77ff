"""Judges a run by what must hold."""
