"""The jobs: explain a text, check this machine, route a URL, run a command."""
