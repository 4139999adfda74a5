"""Dataset import as a kind of work: the supervisor, the process that reads the upload, and what follows an import's end."""
