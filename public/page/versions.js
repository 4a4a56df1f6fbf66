// Which version of a question is shown, and the way to the others: ‹ 2/3 › below it. The server says of each question that
// has several which of how many it is (assistant/screen/view.py), and shows the one that is asked for.
import { addedOf } from "./added.js";
import { announce } from "./announce.js";
import { french } from "./language.js";
import { hold } from "./part.js";
import { unreachable } from "./unreachable.js";
import { isLost, onHeard, say } from "./wire.js";

const wordsOf = (inFrench, inEnglish) => (french ? inFrench : inEnglish);
const words = {
  previous: wordsOf("Version précédente", "Previous version"),
  next: wordsOf("Version suivante", "Next version"),
};
const place = ({ shown, count }) => wordsOf(`Version ${shown} sur ${count}`, `Version ${shown} of ${count}`);

const known = new Map(); // of each question: which version is shown, and how many there are
let asked; // the question whose version was asked for

const messageOf = (id) => document.getElementById(`step-${id}`);
const stepOf = (id) => messageOf(id)?.closest(".step");

function choose(id, by) {
  const { shown, count } = known.get(id);
  const version = shown + by;
  if (version < 1 || version > count) return;
  if (isLost()) return unreachable();
  asked = id;
  say("choose_version", { question: id, version });
}

// The signs are drawn, not written: a copied message has none of them.
const signs = { previous: '<path d="m15 18-6-6 6-6"/>', next: '<path d="m9 18 6-6-6-6"/>' };

function button(id, name, by) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = name;
  made.title = words[name];
  made.setAttribute("aria-label", words[name]);
  made.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true">${signs[name]}</svg>`;
  made.addEventListener("click", () => choose(id, by));
  return made;
}

function group(id) {
  const made = document.createElement("div");
  made.className = "versions";
  made.dataset.of = id;
  made.setAttribute("role", "group");
  made.append(button(id, "previous", -1), document.createElement("span"), button(id, "next", 1));
  return made;
}

function draw(id) {
  const step = stepOf(id);
  if (!step) return;
  const found = known.get(id);
  let made = step.querySelector(":scope .versions");
  if (!found || found.count < 2) return made?.remove();
  if (made?.dataset.of !== id) {
    made?.remove();
    step.append((made = group(id)));
  }
  const [previous, said, next] = made.children;
  made.setAttribute("aria-label", place(found));
  said.dataset.place = `${found.shown}/${found.count}`;
  // A button that cannot be pressed keeps the keyboard: who has come to the last version can go back from there.
  previous.setAttribute("aria-disabled", String(found.shown === 1));
  next.setAttribute("aria-disabled", String(found.shown === found.count));
}

const learn = (versions) => known.set(versions.id, versions);
onHeard("versions", (versions) => {
  learn(versions);
  draw(versions.id);
});
onHeard("resume_thread", ({ steps, part }) => {
  const before = new Set(known.keys());
  if (!part?.more) known.clear();
  for (const { versions } of steps) if (versions) learn(versions);
  if (asked && known.has(asked)) {
    hold(stepOf(asked));
    announce(place(known.get(asked)));
  }
  asked = undefined;
  setTimeout(() => new Set([...before, ...known.keys()]).forEach(draw));
});
addedOf('.step[data-step-type="user_message"]', (step) => {
  const id = step.querySelector("[id^=step-]")?.id.slice("step-".length);
  if (known.has(id)) draw(id);
});
