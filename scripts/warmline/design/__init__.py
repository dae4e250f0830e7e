"""The experiment's words: arms, conditions, measures and suites, for every other room. It imports only `lineage`."""
