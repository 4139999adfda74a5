"""Brings the images of an import from where the source says into a local file or folder."""
