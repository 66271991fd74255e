"""The version of the kit, defined only here."""

__version__ = "0.1.0"
