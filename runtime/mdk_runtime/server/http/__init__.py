"""The server's HTTP side: the console, `/api`, health and metrics, and `/rtp` for browsers. Imported only when it is used."""
