"""Uploads that arrive in parts and may be resumed: the tus protocol 1.0 (https://tus.io/protocols/resumable-upload)."""
