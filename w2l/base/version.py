"""The version of the kit, in this one place."""

__version__ = "0.1.0"
