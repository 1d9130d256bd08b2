"""What a user does in one go, without a word on a terminal: each command, and each function of the front door."""
