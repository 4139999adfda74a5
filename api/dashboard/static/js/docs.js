/** Starts Swagger UI with the OpenAPI document. A separate file, because the page's security policy forbids inline scripts. */
localStorage.removeItem("authorized"); // earlier releases kept the key there
SwaggerUIBundle({ url: "openapi.json", dom_id: "#swagger", deepLinking: true, tryItOutEnabled: true });
