"""The page of phones: what a development server has sent, as the people would see it who were sent it, and what they answer."""
