"""Training: the expert, then the generator."""
