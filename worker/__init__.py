"""Jobs: the record of each, its legal changes, and the processes that run it. Knows no HTTP."""
