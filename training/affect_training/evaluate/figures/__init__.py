"""The paper's figures 5, 6 and 8 to 11, and a circumplex plot."""
