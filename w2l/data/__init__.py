"""Training data: clips, the talker corpus, clip stores, and the windows drawn from them."""
