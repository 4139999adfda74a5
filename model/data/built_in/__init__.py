"""The built-in datasets: their facts, their images as files, and the hashes of these."""
