"""The host: CPUs, memory allocator, parent process, failpoints."""
