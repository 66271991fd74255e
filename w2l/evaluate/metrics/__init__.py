"""What is measured on faces and mouths, and the intervals around means."""
