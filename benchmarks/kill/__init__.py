"""Kill readers at random moments, thousands of times, and count every line afterwards."""
