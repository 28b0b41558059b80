"""The console: the web app that people use, built from `web/` and served as files."""
