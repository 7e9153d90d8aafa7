"""Redis: results by content, views by track. All of the redis client is here."""
