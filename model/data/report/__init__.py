"""The index of a dataset's images, its thumbnails, and the report of what is wrong with it."""
