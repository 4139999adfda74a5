"""Decoding of images: small files in threads of the predictor, all others in child processes that can be killed."""
