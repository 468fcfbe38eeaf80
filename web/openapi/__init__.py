"""The OpenAPI document of all routes: `endpoints` and `schemas` are its tables, `document` puts them together."""
