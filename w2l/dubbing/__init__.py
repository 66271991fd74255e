"""Dubbing: the speech, the footage, the stream of stages that redraws mouths, and the settings."""
