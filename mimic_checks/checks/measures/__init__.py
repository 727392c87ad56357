"""Checks that measure more than a sweep: one module each, with one function from a session to what
was measured.
"""
