"""What the Snakefile reads. No heavy package is imported: every job of a cluster parses the Snakefile again."""
