"""Earlier releases beside this one, and the records that they wrote."""
