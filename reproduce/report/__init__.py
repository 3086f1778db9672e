"""The reproduction report: pages of results/, filled from the frames."""
