"""The dev inbox: mails and texts of the development profile, to be read in a browser."""
