const whole = location.search === "?whole";
const current = document.getElementById(whole ? "whole" : "integrator");
current.removeAttribute("href");
current.setAttribute("aria-current", "page");
SwaggerUIBundle({
  url: whole ? "openapi.json" : "openapi-integrator.json",
  dom_id: "#documentation",
  deepLinking: true,
  displayOperationId: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "none",
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
