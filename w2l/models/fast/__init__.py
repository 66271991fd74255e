"""What makes the networks fast: batch norm folded, kernels fused, half precision. Not needed to understand them."""
