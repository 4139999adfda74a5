"""Parts of decoding: mending harmless damage, 16-bit values, and the conversion of every mode to RGB."""
