"""Marking results as synthetic: a visible label, metadata, signed content credentials."""
