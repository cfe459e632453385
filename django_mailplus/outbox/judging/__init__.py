"""What came of a try: what the answer means for a mail, and in which words."""
