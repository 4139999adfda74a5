"""HTTP mechanics that every feature uses: problems, bodies, pages, dependencies, request ids, OpenAPI. Knows no feature."""
