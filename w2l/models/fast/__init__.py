"""What makes the networks quick: batch norm folded, kernels fused, half precision. Not needed to understand them."""
