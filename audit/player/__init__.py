"""The terminal player of the web pages and of exported evidence. `vendor/` holds asciinema-player (scripts/vendor)."""
