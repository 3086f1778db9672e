"""Pictures from run records alone: Figures 3 to 5 of the paper, and learning curves."""
