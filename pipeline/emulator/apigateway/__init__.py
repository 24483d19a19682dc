"""API Gateway: REST APIs from OpenAPI documents, kept and served by a service of our own; moto has no part in it."""
