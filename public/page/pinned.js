// Pinned conversations stand first in the sidebar, under a heading of their own. The page puts each conversation under
// the month of its `createdAt`, and has no other group: here they get a month in which nobody said anything.
import { addedOf } from "./added.js";
import { french } from "./language.js";

const FIRST = Date.UTC(1000, 0, 3);
const heading = new Date(FIRST).toLocaleString(navigator.language, { month: "long", year: "numeric" });
globalThis.groupsBefore = [heading]; // in the order of the page, where its script is as expected: assistant/fixes/page_script.py
const words = french ? "Épinglées" : "Pinned";

// A list as the server sends it; the order of those that are pinned, by seconds, is kept in milliseconds.
export function apart(list) {
  for (const thread of list.data ?? []) {
    if (thread.pinned) thread.createdAt = new Date(FIRST + Math.floor(Date.parse(thread.createdAt) / 1000)).toISOString();
  }
  return list;
}

addedOf("[data-sidebar=group-label]", (label) => {
  if (label.textContent !== heading) return;
  label.firstChild.data = words;
  label.closest("[data-sidebar=group]").classList.add("pinned");
});
