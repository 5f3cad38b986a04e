// What pages gain when scripts run. Everything works without it.
import { createAll, Button, ErrorSummary, NotificationBanner, ServiceNavigation, SkipLink } from "./vendor/govuk-frontend.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
for (const component of [Button, ErrorSummary, NotificationBanner, ServiceNavigation, SkipLink]) {
  createAll(component);
}
