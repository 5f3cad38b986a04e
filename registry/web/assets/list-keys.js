// Keys of work lists. Each has a visible button, which this script shows; without it the list works with its links.
const bar = document.querySelector("[data-keys]");
const SETTING = "list-keys";
const FIELDS = "input:not([type=checkbox]), select, textarea, [contenteditable]";
// By their place on the keyboard, so that they work with Kazakh and Russian letters too.
const CODES = { KeyJ: "j", KeyK: "k", KeyX: "x", KeyE: "e", KeyB: "b", Slash: "/" };

if (bar) {
  const rows = () => [...document.querySelectorAll("table.cases tbody tr")];
  const linkOf = (row) => row.querySelector("th a");
  let current = -1;
  const move = (step) => {
    const all = rows();
    current = Math.min(Math.max(current + step, 0), all.length - 1);
    all.forEach((row, place) => row.classList.toggle("current", place === current));
    linkOf(all[current])?.focus();
  };
  const act = {
    "/": () => document.getElementById("q").focus(),
    j: () => move(1),
    k: () => move(-1),
    x: () => {
      if (current < 0) { move(1); }
      rows()[current]?.querySelector("input[type=checkbox]")?.click();
    },
    e: () => {
      if (current < 0) { move(1); }
      linkOf(rows()[current])?.click();
    },
    b: () => document.querySelector("#chosen button")?.focus(),
    "?": () => help.showModal(),
  };
  const help = document.getElementById("keys-help");
  const isOn = help.querySelector("input");
  isOn.checked = localStorage.getItem(SETTING) !== "off";
  isOn.addEventListener("change", () => localStorage.setItem(SETTING, isOn.checked ? "on" : "off"));
  const list = help.querySelector("ul");
  for (const button of bar.querySelectorAll("button")) {
    button.addEventListener("click", () => act[button.dataset.key]());
    const line = document.createElement("li");
    line.append(...[...button.childNodes].map((node) => node.cloneNode(true)));
    list.append(line);
  }
  bar.hidden = false;
  // A row that is reached with Tab or the mouse is the current one.
  document.querySelector("table.cases tbody")?.addEventListener("focusin", (event) => {
    current = rows().indexOf(event.target.closest("tr"));
    rows().forEach((row, place) => row.classList.toggle("current", place === current));
  });
  document.addEventListener("keydown", (event) => {
    if (!isOn.checked || help.open || event.ctrlKey || event.altKey || event.metaKey || event.target.closest(FIELDS)) {
      return;
    }
    const letter = ["/", "?"].includes(event.key) ? event.key : CODES[event.code];
    const key = letter === "/" && event.shiftKey && event.code === "Slash" ? "?" : letter;
    if (key && (key === "?" || key === "/" || !event.shiftKey)) {
      event.preventDefault();
      act[key]();
    }
  });
}
