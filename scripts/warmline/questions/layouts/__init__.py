"""The layouts of benchmarks, a module each, for `questions.reading`. It imports `lineage`."""
