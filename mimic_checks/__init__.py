"""Finds out where a vision-language model breaks when it must look at several images at once."""

__version__ = "0.2.0"
