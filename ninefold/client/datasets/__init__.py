"""What the client does with datasets: sends, follows, corrects, downloads and reads them."""
