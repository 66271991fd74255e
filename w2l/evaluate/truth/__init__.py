"""A benchmark for any lip-sync system: faces, other people's words, and how these faces would have said them."""
