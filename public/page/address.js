// Where the page is: the path without the one that the app is mounted under.
import { onHeard } from "./wire.js";

const root = document.querySelector('meta[property="og:root_path"]')?.content ?? "";
const movers = [];

export const threadHere = () => /\/thread\/([^/?#]+)\/?$/.exec(location.pathname)?.[1];
// Calls `take()` after the page has gone somewhere, or to the same place again.
export const onMove = (take) => movers.push(take);

for (const name of ["pushState", "replaceState"]) {
  const original = history[name].bind(history);
  history[name] = (...given) => {
    original(...given);
    for (const take of movers) take();
  };
}
addEventListener("popstate", () => movers.forEach((take) => take()));

// The list of conversations gives a new one its address, and on a small screen the list is drawn when it is opened:
// a reload would lose the conversation, and the page that then moves would close what the first tap has opened.
// The page must know the conversation before its address, or it would resume it. Nothing that it draws on a small screen,
// and no event of its own, says when it does.
const SETTLED = 100; // milliseconds
let moves = 0;
onMove(() => moves++);
onHeard("first_interaction", ({ thread_id: id }) => {
  const before = moves;
  setTimeout(() => {
    if (moves !== before) return; // the person has gone on
    if (location.pathname.replace(/\/$/, "") !== root) return;
    if (!root && document.querySelector("#thread-history")) return; // below a path the list compares with "/", in vain
    history.replaceState(history.state, "", `${root}/thread/${id}`);
    dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
  }, SETTLED);
});

// What was chosen in the sidebar of a small screen is what is to be seen next.
onMove(() => document.querySelector("[data-sidebar=sidebar][data-mobile] #sidebar-trigger-button")?.click());
