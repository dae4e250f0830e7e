"""What is asked, kept and paid, for the rooms that ask models and those that count calls. It imports only `lineage`."""
