// The keyboard, what is chosen, and what a swap by htmx leaves undone. Without this file links and forms do it all.
const one = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
const chosen = () => all(".choose input:checked:enabled");
const allOfList = () => one('#threads input[name="all"]'); // beyond this page: there is nothing to tick
const rows = () => all(".rows > li");
const spot = (row) => row?.querySelector("a.open");
let again; // the place in the list that the focus goes back to

// What is chosen

function count() {
  const shown = one(".chosen");
  if (!shown || allOfList()) return;
  const n = chosen().length;
  shown.textContent = n ? shown.dataset[n === 1 ? "one" : "other"].replace("{}", n) : "";
  one("#every").checked = n > 0 && n === all(".choose input").length;
}

document.addEventListener("change", ({ target }) => {
  if (target.id === "every") for (const box of all(".choose input")) box.checked = target.checked;
  if (target.closest("#threads")) count();
});

// Whoever chooses an order need not press a button.
document.addEventListener("change", ({ target }) => {
  if (target.id === "sort") target.form.requestSubmit();
});

// A file is saved by the browser itself.
document.addEventListener(
  "submit",
  (event) => {
    if (!event.submitter?.getAttribute("formaction")) return;
    event.stopImmediatePropagation();
    event.submitter.closest("details").open = false;
  },
  true,
);

// One menu at a time, and none once something else is pressed.
document.addEventListener("click", ({ target }) => {
  for (const menu of all(".tools details[open]")) if (!menu.contains(target)) menu.open = false;
});

// The keyboard

const here = () => rows().indexOf(document.activeElement.closest(".rows > li"));

function go(step) {
  const at = here();
  spot(rows()[at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows().length - 1)])?.focus();
}

function choose() {
  const box = rows()[here()]?.querySelector(".choose input");
  if (box && !box.disabled) box.checked = !box.checked;
  count();
}

function archive() {
  if (!chosen().length && !allOfList()) choose();
  again = here();
  if (chosen().length || allOfList()) one('.tools button[value="archive"], .tools button[value="unarchive"]')?.click();
}

function close() {
  const menu = one(".tools details[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (document.activeElement.matches("input")) document.activeElement.blur();
  else if (one("#preview .close")) one("#preview .close").click();
  else one("#notice").replaceChildren();
}

function openChat() {
  const row = rows()[here()];
  const address = row ? row.dataset.chat : one("#preview .go")?.href;
  if (address) location.assign(address);
}

const keys = {
  j: () => go(1),
  k: () => go(-1),
  x: choose,
  e: archive,
  o: openChat,
  u: () => one("#notice form button")?.click(),
  Escape: close,
  "/": () => one("#q").focus(),
  "?": () => one("#help")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || one("dialog[open]")) return;
  if (!(event.key in keys) || (typing && event.key !== "Escape")) return;
  event.preventDefault();
  keys[event.key]();
});

// What comes by htmx

function tell(failure) {
  const told = document.createElement("div");
  told.className = "notice failure";
  told.setAttribute("role", "alert");
  told.textContent = failure;
  one("#notice").replaceChildren(told);
}

const notOnline = () => tell(document.body.dataset.offline);

const isLive = (event) => event.detail.requestConfig?.elt.id === "live" || event.detail.elt?.id === "live";

// While somebody chooses, the list stands still.
document.addEventListener("htmx:beforeRequest", (event) => {
  const finding = ["find", "words", "other"].includes(document.activeElement?.id);
  const busy = document.hidden || finding || chosen().length || one(".tools details[open]");
  if (event.detail.elt.id === "live" && busy) event.preventDefault();
});

// Where to look stays as it was: how far it is scrolled, and which groups are open.
const lines = () => all("#places, #places ul");
const groups = () => all("#places details");
let before;

function keepPlaces() {
  const open = groups().filter((group) => group.open);
  before = {
    at: lines().map((line) => [line.scrollTop, line.scrollLeft]),
    open: open.map((group) => group.firstElementChild.textContent),
  };
}

function restorePlaces() {
  for (const group of groups()) group.open ||= before.open.includes(group.firstElementChild.textContent);
  lines().forEach((line, index) => line.scrollTo(...[...(before.at[index] ?? [0, 0])].reverse()));
}

// A page of this server is shown, also one that tells of a failure; what a proxy says instead is not.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { detail } = event;
  const ours = detail.xhr.status !== 204 && detail.serverResponse.includes('id="library"');
  detail.shouldSwap = ours && !(isLive(event) && detail.xhr.status >= 400);
  detail.isError = false;
  if (detail.shouldSwap) keepPlaces();
  if (!ours && detail.xhr.status >= 400 && !isLive(event)) notOnline();
});
document.addEventListener("htmx:sendError", (event) => {
  if (!isLive(event)) notOnline();
});

// A link is whole for whoever copies it, also where the server has not been told its address.
function completeLinks() {
  for (const field of all("[data-link]")) {
    const { link } = field.dataset;
    field.value = field.value.replace(link, new URL(link, location.href).href);
    delete field.dataset.link;
  }
}

function arrive() {
  completeLinks();
  const query = new URLSearchParams(location.search);
  if (document.activeElement !== one("#q")) one("#q").value = query.get("q") ?? "";
  for (const link of all(".rows a.open")) {
    const shown = new URL(link.href).searchParams;
    const same = (name) => shown.get(name) === query.get(name);
    const open = ["thread", "file"].some((name) => shown.has(name) && same(name)) && (!link.matches(".hit") || same("from"));
    if (open) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  if (one(".every")) one(".every").hidden = Boolean(allOfList());
  count();
}

document.addEventListener("htmx:afterSettle", (event) => {
  const { target, requestConfig } = event.detail;
  arrive();
  if (before) restorePlaces();
  if (isLive(event) || !requestConfig) return;
  if (again !== undefined) {
    spot(rows()[Math.min(again, rows().length - 1)])?.focus();
    again = undefined;
  } else if (target.id === "preview") {
    const opened = one("#opened");
    if (opened) opened.focus({ preventScroll: true });
    else document.getElementById(requestConfig.elt.dataset.of)?.focus();
    one("#preview").scrollTop = 0;
  } else if (document.activeElement === document.body) {
    one("#list")?.focus({ preventScroll: true });
    if (requestConfig.verb === "get") scrollTo(0, 0);
  }
});
arrive();

// A file to be imported

document.addEventListener("dragover", (event) => {
  if (event.target.closest?.("#drop")) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  const form = event.target.closest?.("#drop");
  if (!form || !event.dataTransfer.files.length) return;
  event.preventDefault();
  one("#file").files = event.dataTransfer.files;
  one("#file").focus();
});

// What is too large is told before it is sent.
document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (form.id !== "drop" || !(one("#file").files[0]?.size > Number(form.dataset.most))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    tell(form.dataset.large);
  },
  true,
);
document.addEventListener("htmx:xhr:progress", ({ target, detail }) => {
  if (target.id !== "drop" || !detail.lengthComputable) return;
  one("#uploading").hidden = false;
  one("#uploading progress").value = (100 * detail.loaded) / detail.total;
});
