"""Middleware around every request: answers to unread bodies, access log, request ids, HEAD. Knows no feature."""
