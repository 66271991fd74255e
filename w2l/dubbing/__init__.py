"""Dubbing: what is said, the frames it is said in, the stream of stages that redraws mouths, and its settings."""
