"""What can be typed with a slash, and what is answered."""
