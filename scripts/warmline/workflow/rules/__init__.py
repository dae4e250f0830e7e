"""What the rule files read of a study, a module for each stage. It imports `workflow` and what lies below."""
