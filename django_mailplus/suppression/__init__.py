"""Who must not be mailed, and why: looked up before each mail, filled by what comes back."""
