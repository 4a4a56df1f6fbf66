// What the search dialog shows of a hit: where it was said, when, and the words around it. Chainlit's shows a name, which
// holds the same for a page that knows no better, and opens the end of the conversation.
import { addedOf } from "./added.js";
import { threadHere } from "./address.js";
import { french } from "./language.js";
import { help } from "./tips.js";
import { say } from "./wire.js";

const wordsOf = (inFrench, inEnglish) => (french ? inFrench : inEnglish);
const hints = {
  date: wordsOf("une date est 27/11/2026, 2026-11, 2026, hier ou 7j", "a date is 2026-11-27, 2026-11, 2026, yesterday or 7d"),
  sender: wordsOf("de:moi ou de:assistant", "from:me or from:assistant"),
  kind: wordsOf("avec:fichier, avec:image ou avec:vote", "has:file, has:picture or has:vote"),
  state: wordsOf("est:épinglée, est:archivée ou est:terminée", "is:pinned, is:archived or is:done"),
  value: wordsOf("rien ne suit les deux-points", "nothing follows the colon"),
  excluded: wordsOf("le signe moins exclut des mots, pas des filtres", "a minus sign excludes words, not filters"),
  wordless: wordsOf("il n’y a pas de mot", "there is no word in it"),
  long: wordsOf("la recherche est trop longue", "there is too much to look for"),
  many: wordsOf("il y a trop de mots", "there are too many words"),
};
const leftOut = ({ part, reason }) =>
  wordsOf(`Laissé de côté\u00a0: «\u00a0${part}\u00a0» (${hints[reason]})`, `Left out: “${part}” (${hints[reason]})`);
const more = (number) =>
  wordsOf(`Voici les ${number} plus récentes\u00a0; d’autres mots en montrent d’autres.`, `These are the latest ${number}; other words show more.`);
const found = (number) =>
  number === 0
    ? wordsOf("Aucune conversation", "No conversations")
    : wordsOf(`${number} conversation${number === 1 ? "" : "s"}`, `${number} conversation${number === 1 ? "" : "s"}`);
const meaning = (words) => wordsOf(`Vouliez-vous dire «\u00a0${words}\u00a0»\u202f?`, `Did you mean “${words}”?`);
const indexing = (percent) =>
  wordsOf(`Les conversations plus anciennes sont en cours d’indexation\u00a0: ${percent}\u00a0%.`, `Older conversations are still being indexed: ${percent}%.`);
const lookedAt = (day) =>
  wordsOf(`Seul ce qui a été dit depuis le ${day} a été parcouru.`, `Only what was said since ${day} was looked through.`);
const further = wordsOf("Chercher plus loin", "Look further back");
const date = new Intl.DateTimeFormat(french ? "fr" : "en", { day: "numeric", month: "short", year: "numeric" });

let hits = []; // of the last answer
let notes = document.createElement("div");
notes.className = "search-notes";
notes.setAttribute("role", "status");
const count = document.createElement("div"); // for who hears the page
count.className = "sr-only";
count.setAttribute("role", "status");
// What stands around them takes Enter for the hit that is chosen.
const besides = ".search-notes, .search-help";
for (const box of [notes, help]) box.addEventListener("keydown", (event) => event.key === "Enter" && event.stopPropagation());

const hitOf = (item) => {
  const value = item?.getAttribute("data-value")?.toLowerCase() ?? "";
  return hits.find(({ id }) => value.endsWith(`-${id.toLowerCase()}`));
};

function element(className, ...children) {
  const made = document.createElement("div");
  made.className = className;
  made.append(...children);
  return made;
}

function marked({ snippet, marks }) {
  const parts = [];
  let at = 0;
  for (const [start, end] of marks) {
    const mark = document.createElement("mark");
    mark.textContent = snippet.slice(start, end);
    parts.push(snippet.slice(at, start), mark);
    at = end;
  }
  return [...parts, snippet.slice(at)];
}

function draw(item) {
  item.querySelector(".hit")?.remove();
  const found = hitOf(item);
  if (!found) return;
  const { hit, createdAt } = found;
  const name = element("hit-name", hit.name || wordsOf("Conversation sans titre", "Untitled conversation"));
  const said = hit.snippet && hit.snippet !== hit.name ? [element("hit-said", ...marked(hit))] : [];
  const when = date.format(new Date(createdAt)) + (hit.archived ? wordsOf(" · archivée", " · archived") : "");
  item.append(element("hit", name, element("hit-date", when), ...said));
}

function note() {
  document.querySelector("[cmdk-list]")?.after(notes, help, count);
}

// Takes what the server has answered to the dialog.
export function showHits({ data, pageInfo, problems, meant, indexed, since }) {
  hits = data.filter(({ hit }) => hit);
  count.textContent = problems ? found(hits.length) : "";
  document.querySelectorAll("[cmdk-item]").forEach(draw);
  const lines = (problems ?? []).map((problem) => element("", leftOut(problem)));
  if (meant) lines.push(asking(meaning(meant), () => meant));
  if (since) lines.push(element("", lookedAt(date.format(new Date(since)))), asking(further, (typed) => before(typed, since)));
  else if (hits.length && pageInfo?.hasNextPage) lines.push(element("", more(hits.length)));
  if (typeof indexed === "number") lines.push(element("", indexing(indexed)));
  notes.replaceChildren(...lines);
  note();
}

function asking(words, next) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words;
  button.addEventListener("click", () => type(next(document.querySelector("[cmdk-input]").value)));
  return button;
}

// The day after: not all of that one was looked at. Where this was asked already, the day itself, so that it goes on.
function before(typed, since) {
  const dayOf = (moment) => moment.toLocaleDateString("sv"); // 2026-11-27, by this clock
  const day = new Date(since);
  const next = new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1);
  const filter = (moment) => `${wordsOf("avant", "before")}:${dayOf(moment)}`;
  return `${typed.replaceAll(/ ?(before|avant):\S+$/gi, "")} ${filter(typed.endsWith(filter(next)) ? day : next)}`;
}

// As if a person had typed it: the page's own words follow.
function type(words) {
  const input = document.querySelector("[cmdk-input]");
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, words);
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.focus();
}

// The page shows none of the hits for words after a blank.
addEventListener(
  "input",
  ({ target }) => target.matches("[cmdk-input]") && /^\s/.test(target.value) && type(target.value.trimStart()),
  true,
);

// The page leaves none of new hits chosen: Enter would do nothing.
let choosing;
function chooseFirst() {
  const input = document.querySelector("[cmdk-input]");
  if (!input || document.activeElement !== input || document.querySelector("[cmdk-item][aria-selected=true]")) return;
  input.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true, cancelable: true }));
}

addedOf("[cmdk-item]", (item) => {
  draw(item);
  clearTimeout(choosing);
  choosing = setTimeout(chooseFirst, 50);
});
addedOf("[cmdk-list]", note);

// A hit that is chosen opens its conversation at the message: public/page/part.js.
let chosen;
addEventListener("click", ({ target }) => (chosen = hitOf(target.closest?.("[cmdk-item]"))), true);
addEventListener(
  "keydown",
  ({ key, target }) => {
    const opens = key === "Enter" && !target.closest?.(besides);
    chosen = opens ? hitOf(document.querySelector("[cmdk-item][aria-selected=true]")) : undefined;
  },
  true,
);
function lead(at) {
  for (const before of document.querySelectorAll(".pointed-at")) {
    before.classList.remove("pointed-at");
    before.removeAttribute("aria-current");
  }
  say("show_part", { at });
}
for (const name of ["pushState", "replaceState"]) {
  const original = history[name].bind(history);
  history[name] = (state, unused, address) => {
    const { id, hit } = chosen ?? {};
    chosen = undefined;
    const open = id !== undefined && threadHere() === id;
    const leads = hit?.stepId && String(address).endsWith(`/thread/${id}`);
    original(state, unused, leads ? `${address}?step=${encodeURIComponent(hit.stepId)}` : address);
    if (leads && open) lead(hit.stepId);
  };
}
