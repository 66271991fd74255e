"""What is measured of faces and mouths, and the intervals around means."""
