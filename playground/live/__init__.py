"""The edition that runs in a visitor's browser, from a folder of static files."""
