"""HTTP: the connections, the middleware, the handlers and what the OpenAPI page says of them."""
