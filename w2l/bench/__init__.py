"""What `w2l bench` measures: each stage of a dub, a whole dub and a training step against plain code, and memory."""
