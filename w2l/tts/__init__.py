"""Typed text to speech: espeak-ng and Piper voices, and which voice reads which script."""
