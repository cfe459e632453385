"""What the pages of all rooms have in common: who keeps them, and where links begin."""
