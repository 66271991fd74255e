"""The engine around a training step: loop, checkpoints, precision, processes, log."""
