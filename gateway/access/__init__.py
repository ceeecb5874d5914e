"""Who is there and what they may open: principals, authentication, authorisation."""
