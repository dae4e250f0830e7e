"""What a run would ask and cost, for the command line. It imports `workflow` and what lies below."""
