"""Who registers brands, campaigns and numbers with the carriers: one seam, and each way of doing it a file."""
