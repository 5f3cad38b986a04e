// What pages gain when scripts run. Everything works without it.
import { createAll, Button, ErrorSummary, NotificationBanner, SkipLink } from "./vendor/govuk-frontend.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
for (const component of [Button, ErrorSummary, NotificationBanner, SkipLink]) {
  createAll(component);
}

// A question that depends on an answer of the same page is shown with it. One that had a value stays.
for (const question of document.querySelectorAll("[data-asked-by]")) {
  const deciding = [...question.closest("form").elements].filter((input) => input.name === question.dataset.askedBy);
  if (deciding.length === 0) {
    continue;
  }
  const inputs = [...question.querySelectorAll("input, select, textarea")];
  const filled = inputs.some((input) => ["radio", "checkbox"].includes(input.type) ? input.checked : input.value !== "");
  const answers = question.dataset.answers.split(" ");
  const show = () => {
    const chosen = deciding.find((input) => input.type !== "radio" || input.checked);
    question.hidden = !filled && !answers.includes(chosen?.value);
  };
  deciding.forEach((input) => input.addEventListener("change", show));
  // After a step back the browser restores answers without an event.
  window.addEventListener("pageshow", show);
  show();
}

// Entries of a registration are saved every minute, and when its page is left by another way than its buttons.
const AUTOSAVE_MS = 60_000;
for (const form of document.querySelectorAll("form[data-autosave]")) {
  let changed = false;
  let sent = false;
  const save = () => {
    if (changed && !sent) {
      const entries = new FormData(form);
      entries.append(form.dataset.autosave, "yes");
      changed = !navigator.sendBeacon(window.location.href, entries);
    }
  };
  form.addEventListener("input", () => { changed = true; });
  form.addEventListener("submit", () => { sent = true; });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") { save(); } });
  window.setInterval(save, AUTOSAVE_MS);
}

// A case counts as seen when its page was displayed and is left. Without scripts there is the form's button.
for (const form of document.querySelectorAll("form[data-visit]")) {
  let displayed = document.visibilityState === "visible";
  const leave = () => {
    if (document.visibilityState === "visible") {
      displayed = true;
    } else if (displayed) {
      const visit = new FormData(form);
      visit.append("quiet", "yes");
      displayed = !navigator.sendBeacon(form.action, visit);
    }
  };
  document.addEventListener("visibilitychange", leave);
}

// Ctrl+Enter in the form of an action sends it, and from a work list continues with the next case.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.target.closest(".acting form")?.querySelector("[aria-keyshortcuts]")?.click();
  }
});

// The agency field offers agencies while its reader types. Without scripts the server finds a name that was entered.
const SUGGEST_MS = 250;
for (const field of document.querySelectorAll("input[data-suggestions]")) {
  let waiting = 0;
  field.addEventListener("input", () => {
    window.clearTimeout(waiting);
    const text = field.value.trim();
    if (text.length < 2) {
      return;
    }
    waiting = window.setTimeout(async () => {
      const answer = await fetch(`${field.dataset.suggestions}?q=${encodeURIComponent(text)}`);
      if (answer.ok && field.value.trim() === text) {
        field.list.innerHTML = await answer.text();
      }
    }, SUGGEST_MS);
  });
}

// A template is put into its field in place: the same answer as without scripts, of which only the fields' texts are taken.
for (const button of document.querySelectorAll("button[data-fills]")) {
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    const entries = new FormData(button.form, button);
    [...entries].forEach(([name, value]) => { if (value instanceof File) { entries.delete(name); } });
    const answer = await fetch(button.form.action, { method: "POST", body: entries });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const names = button.dataset.fills.split(" ");
    if (!answer.ok || !names.every((name) => page.getElementById(name))) {
      button.form.requestSubmit(button);
      return;
    }
    for (const name of names) {
      const field = document.getElementById(name);
      const { value } = page.getElementById(name);
      if (field.value !== value) {
        field.value = value;
        field.closest("details").open = true;
        field.focus();
      }
    }
  });
}
