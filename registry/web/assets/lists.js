// What lists gain when scripts run: menus that close, all rows chosen at once with their sum, a preview beside the list,
// and keys. Without it the list works with its links and checkboxes.
const SETTING = "list-keys";
const FIELDS = "input:not([type=checkbox]), select, textarea, [contenteditable]";
// By their place on the keyboard, so that they work with Kazakh and Russian letters too.
const CODES = { KeyJ: "j", KeyK: "k", KeyX: "x", KeyE: "e", KeyP: "p", KeyB: "b", Slash: "/" };
const rows = [...document.querySelectorAll(".listing .list tbody tr:not(.list__group)")];
const linkOf = (row) => row.querySelector("th a");
let current = -1;

const mark = (place) => {
  current = place;
  rows.forEach((row, each) => row.classList.toggle("current", each === place));
};

for (const menu of document.querySelectorAll("details.menu")) {
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) { menu.open = false; } });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

// The number of the chosen rows and their budgets, in place of those of the whole list.
const count = document.querySelector(".chosen__count");
const boxes = rows.map((row) => row.querySelector("input[type=checkbox]")).filter(Boolean);
if (count && boxes.length > 0) {
  const ofList = count.textContent;
  const all = document.querySelector("[data-all]");
  const show = () => {
    const chosen = boxes.filter((box) => box.checked);
    const millions = chosen.reduce((sum, box) => sum + Number(box.dataset.amount), 0) / 1_000_000;
    const format = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
    const text = count.dataset.text.replace("{count}", chosen.length).replace("{sum}", format.format(millions));
    count.textContent = chosen.length > 0 ? text : ofList;
    all.checked = chosen.length === boxes.length;
    all.indeterminate = chosen.length > 0 && !all.checked;
  };
  all.hidden = false;
  all.addEventListener("change", () => { boxes.forEach((box) => { box.checked = all.checked; }); show(); });
  boxes.forEach((box) => box.addEventListener("change", show));
  // After a step back the browser restores what was chosen without an event.
  window.addEventListener("pageshow", show);
}

// A row's record beside the list, from its own page.
const panel = document.querySelector(".preview");
const previewed = rows.filter((row) => panel && linkOf(row));
// Beside the preview the list has fewer columns, and the heading of a group spans those that it has.
const show = (isShown) => {
  panel.hidden = !isShown;
  const columns = [...rows[0].cells].filter((cell) => cell.offsetParent !== null).length;
  document.querySelectorAll(".list__group th").forEach((heading) => { heading.colSpan = columns; });
};
const closePreview = () => {
  show(false);
  linkOf(rows[current])?.focus();
};
const preview = async (row) => {
  const link = linkOf(row);
  mark(rows.indexOf(row));
  const address = new URL(link.href);
  address.searchParams.set("preview", "yes");
  const answer = await fetch(address);
  if (!answer.ok || answer.redirected) {
    link.click();
    return;
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "preview__close";
  close.textContent = panel.dataset.close;
  close.addEventListener("click", closePreview);
  panel.innerHTML = await answer.text();
  panel.prepend(close);
  show(true);
  panel.scrollTop = 0;
};
for (const row of previewed) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "peek";
  button.setAttribute("aria-label", `${panel.dataset.open}: ${linkOf(row).textContent}`);
  button.addEventListener("click", async () => { await preview(row); panel.focus(); });
  row.querySelector("th").append(button);
}
panel?.addEventListener("keydown", (event) => { if (event.key === "Escape") { closePreview(); } });

const bar = document.querySelector("[data-keys]");
if (bar) {
  const move = (step) => {
    mark(Math.min(Math.max(current + step, 0), rows.length - 1));
    linkOf(rows[current])?.focus();
    if (panel && !panel.hidden) { preview(rows[current]); }
  };
  const ofCurrent = (act) => {
    if (current < 0) { move(1); }
    act(rows[current]);
  };
  const act = {
    "/": () => document.getElementById("q")?.focus(),
    j: () => move(1),
    k: () => move(-1),
    x: () => ofCurrent((row) => row.querySelector("input[type=checkbox]")?.click()),
    e: () => ofCurrent((row) => linkOf(row).click()),
    p: () => (panel.hidden ? ofCurrent(preview) : closePreview()),
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
  rows.forEach((row, place) => row.addEventListener("focusin", () => mark(place)));
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
