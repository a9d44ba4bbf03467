//! Workload generator, pure benchmarks and the load program.
