"""Somebody's own checks, and what they need."""
