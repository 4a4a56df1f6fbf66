// Where the page is: the path without the one that the app is mounted under.
import { addedOf } from "./added.js";
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

// The page gives a new conversation its address when its list has come, and on a small screen when that is opened: until
// then a reload would lose it. Here it has one at once, of which the page's router is told later: it would resume the
// conversation before the page knows it. When the list shows it as the open one the page does.
let untold = false;
let telling = false;
onHeard("first_interaction", ({ thread_id: id }) =>
  // Whoever else hears of it is first: drafts.js must know the conversation before its address.
  queueMicrotask(() => {
    if (!id) return; // a temporary one has no address
    if (location.pathname.replace(/\/$/, "") !== root) return;
    history.replaceState(history.state, "", `${root}/thread/${id}`);
    untold = true;
  }),
);
addedOf('li[id^=thread-] [data-active="true"]', () => {
  if (!untold) return;
  telling = true;
  dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
  telling = false;
});

// What was chosen in the sidebar of a small screen is what is to be seen next.
onMove(() => {
  untold = false;
  if (!telling) document.querySelector("[data-sidebar=sidebar][data-mobile] #sidebar-trigger-button")?.click();
});
