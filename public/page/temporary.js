// A temporary conversation says so as long as it is open, and leaves nothing in the browser but that this tab is for
// such: it stays so when it is loaded anew. Where its server has lost it, the page still shows what was said: then it says
// that the model no longer knows it.
import { addedOf } from "./added.js";
import { notice } from "./notice.js";
import { onHeard, say } from "./wire.js";

const note = document.createElement("p");
note.id = "temporary-note";
note.setAttribute("role", "status");
const TAB = "threadkeep-temporary";
let told;

export const isTemporary = () => Boolean(told);

// The settings of the page, in which a tab begins as it was. To be asked of a page that has chosen no profile yet.
export async function asBefore(answer) {
  if (!answer.ok || !sessionStorage.getItem(TAB)) return answer;
  const settings = await answer.json();
  for (const profile of settings.chatProfiles ?? []) profile.default = profile.name === sessionStorage.getItem(TAB);
  return Response.json(settings);
}

export const forgetTab = () => sessionStorage.removeItem(TAB);

function show() {
  document.documentElement.classList.toggle("temporary", isTemporary());
  const box = document.querySelector("#message-composer");
  if (!told || !box) return note.remove();
  if (note.nextElementSibling !== box) box.before(note);
  if (note.textContent !== told.note) note.textContent = told.note;
}

onHeard("temporary", (words) => {
  told = words;
  if (told) sessionStorage.setItem(TAB, "temporary");
  else forgetTab();
  if (told && !told.goes_on && document.querySelector(".step")) notice(told.lost, 15000);
  show();
});
addedOf("#message-composer", show);
// Its server lets go of it, with the files that were attached; else it would wait for the page to come back.
addEventListener("pagehide", () => told && say("clear_session"));
