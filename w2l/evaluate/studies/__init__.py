"""Studies: the paper's claims, robustness, the model card."""
