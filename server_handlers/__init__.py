"""HTTP and WebSocket, and nothing else: each handler parses, calls one service method and answers."""
