"""Training generators of images, and scores of what they make."""
