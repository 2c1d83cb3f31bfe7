"""What an hour of predictions looked like; hours add up."""
