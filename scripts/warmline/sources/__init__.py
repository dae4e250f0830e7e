"""Files from outside, pinned and recorded, for the rules of the study. It imports only `lineage`."""
