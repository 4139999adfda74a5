"""HTTP routes, one noun a file: parse, call, answer."""
