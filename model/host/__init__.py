"""The host and the process: CPUs, memory allocator, parent process, cache folder, failpoints."""
