"""Generated rows beside real ones, with what real rows score against each other."""
