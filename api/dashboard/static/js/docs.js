/** Starts Swagger UI on our OpenAPI document; a file of its own because the page allows no inline script. */
SwaggerUIBundle({ url: "openapi.json", dom_id: "#swagger", deepLinking: true, tryItOutEnabled: true, persistAuthorization: true });
