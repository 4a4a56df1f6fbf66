"""How the server runs: its environment, its folder, its sockets, its first and last minute."""
