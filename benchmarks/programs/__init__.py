"""What the benchmarks run in processes of their own. Nothing is imported here: it would be measured."""
