"""What the rules ask of a study, a module for each stage. For the Snakefile alone."""
