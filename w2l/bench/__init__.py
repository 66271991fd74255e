"""What `w2l bench` measures: each stage by itself, a dub from end to end against the plain way, and its memory."""
