"""What an application's own tests get from Limpet: the plugin of pytest, and what it is made of."""
