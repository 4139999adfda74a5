"""What files are: names in zips, archives that are no zips, endings of names, files that are no images."""
