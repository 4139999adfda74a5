"""What an import notes of each image while it is decoded: a thumbnail and how much of the image is one colour."""
