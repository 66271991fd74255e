"""The talkers' voices: phones and their times, formants, espeak-ng, rooms and microphones."""
