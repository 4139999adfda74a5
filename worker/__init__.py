"""Work: the record of each item, its legal changes, and the processes that run it. Knows no HTTP."""
