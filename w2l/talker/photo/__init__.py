"""Photographic talkers: a photograph on a 3-D head, whose mouth is known exactly in every frame."""
