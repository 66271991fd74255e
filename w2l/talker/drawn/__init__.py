"""The drawn talker: identities, lips, and the pen that draws them."""
