"""The version of the kit, defined only here."""

__version__ = "0.2.0"
