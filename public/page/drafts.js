// What stands unsent in the message box, a draft a conversation. A tab has its own, so that two do not write over each
// other; what it wrote last is also kept for the next one, in the name of who wrote it, until it is sent.
import { addedOf } from "./added.js";
import { onMove, threadHere } from "./address.js";
import { isTemporary } from "./temporary.js";
import { onHeard, onSaid } from "./wire.js";

const KEPT = 30; // drafts, the newest
const LONGEST = 100_000; // characters: to store a longer text at each key would take too long
const NEW = "new";
const long = new Map(); // longer drafts, which are stored when the page goes

let user; // identifier of who is signed in; nothing is kept before that is known
let born; // id of the conversation that the first message of a new one has made

const here = () => threadHere() ?? NEW;
let place = here();
const slot = () => `threadkeep-drafts:${user}`;

function read(store) {
  try {
    return JSON.parse(store.getItem(slot()) ?? "{}");
  } catch {
    return {};
  }
}

// Without `text` the draft goes.
function put(store, id, text) {
  const drafts = read(store);
  delete drafts[id];
  if (text) drafts[id] = { text, at: Date.now() };
  const newest = Object.entries(drafts).sort(([, a], [, b]) => b.at - a.at);
  try {
    store.setItem(slot(), JSON.stringify(Object.fromEntries(newest.slice(0, KEPT))));
  } catch {
    // A browser that denies storage, or has no room for it, keeps no drafts.
  }
}

const draft = (id) => long.get(id) ?? (read(sessionStorage)[id] ?? read(localStorage)[id])?.text;

function keep(id, text) {
  if (user === undefined || isTemporary()) return;
  if (text.length > LONGEST) return long.set(id, text);
  long.delete(id);
  put(sessionStorage, id, text);
  put(localStorage, id, text);
}

function forget(id) {
  if (user === undefined) return;
  long.delete(id);
  const own = read(sessionStorage)[id]?.text;
  put(sessionStorage, id);
  if (own === read(localStorage)[id]?.text) put(localStorage, id); // else it is another tab's
}

const write = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
const messageBox = () => document.querySelector("#chat-input");

// As if a person had typed it: the page's own state follows.
export function type(box, text) {
  write.call(box, text);
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

// Whether there was a box, and nothing in it.
function fill(text) {
  const box = messageBox();
  if (!box || box.value) return false;
  type(box, text);
  return true;
}

function restore() {
  const text = user !== undefined && draft(place);
  if (text) fill(text);
}

// What the server has not taken is as if it had not been sent, where nothing else is being written already: then calls
// `done()`. The page empties the box when it has sent, so not before that.
export const putBack = (text, done) => setTimeout(() => fill(text) && done());

addEventListener("pagehide", () => long.forEach((text, id) => put(sessionStorage, id, text)));

function moved() {
  const now = here();
  if (now === place) return;
  if (place === NEW && now === born) {
    const text = draft(NEW); // it was typed while the first answer came
    forget(NEW);
    if (text) keep(now, text);
  }
  place = now;
  if (messageBox()) setTimeout(restore); // the box of the new place may be the same one
}

onMove(moved);
onHeard("first_interaction", (said) => {
  if (said.interaction !== "resume") born = said.thread_id;
});
onSaid("client_message", () => forget(place));
document.addEventListener("input", ({ target }) => {
  if (target.id === "chat-input") keep(place, target.value);
});
addedOf("#chat-input", () => setTimeout(restore));

export function signedIn(identifier) {
  if (user === identifier) return;
  user = identifier;
  restore();
}

export function signedOut() {
  if (user === undefined) return;
  for (const store of [sessionStorage, localStorage]) store.removeItem(slot());
  long.clear();
  user = undefined;
}
