"""A reusable Django app that lets a project deploy itself."""

__version__ = "0.1.0"
