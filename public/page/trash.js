// A conversation that was deleted in the sidebar can be brought back from the notice that says so, also after the page has
// been loaded anew, as it is when the open conversation was deleted.
import { french } from "./language.js";
import { notice } from "./notice.js";
import { onHeard, say } from "./wire.js";

const KEY = "threadkeep-deleted";
const LASTING = 15000; // milliseconds
let keeps = false; // whether there is a trash
let shown;

onHeard("set_commands", (commands) => (keeps = commands.some((each) => each.keeps)));

function offer(id, lasting) {
  shown = notice(french ? "La conversation est dans la corbeille." : "The conversation is in the trash.", lasting);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "underline ml-2";
  button.textContent = french ? "Annuler" : "Undo";
  button.addEventListener("click", () => {
    say("restore_thread", { id });
    forget();
  });
  shown.append(button);
}

function forget() {
  sessionStorage.removeItem(KEY);
  shown?.remove();
}

// To be called when a conversation was deleted; `leaving`: the page is about to be loaded anew.
export function deleted(id, leaving) {
  if (!keeps) return;
  if (leaving) sessionStorage.setItem(KEY, JSON.stringify({ id, until: Date.now() + LASTING }));
  else offer(id, LASTING);
}

// Also what /fork has made.
onHeard("open_thread", ({ id }) => {
  const root = document.querySelector('meta[property="og:root_path"]')?.content ?? "";
  location.assign(`${root}/thread/${id}`);
});

const { id, until } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
sessionStorage.removeItem(KEY);
if (until > Date.now()) addEventListener("load", () => offer(id, until - Date.now()));
