// A person's own messages: copied as they were written, and folded when they are long.
import { addedOf } from "./added.js";
import { announce } from "./announce.js";
import { french } from "./language.js";
import { onHeard, onSaid } from "./wire.js";

const own = '.step[data-step-type="user_message"]';
const texts = new Map();
export const isOwn = (id) => texts.has(id);
const learn = ({ id, type, output }) => type === "user_message" && texts.set(id, output);
onSaid("client_message", ({ message }) => texts.set(message.id, message.output));
onSaid("edit_message", ({ message }) => texts.set(message.id, message.output));
onHeard("new_message", learn);
onHeard("update_message", learn);
onHeard("resume_thread", ({ steps, part }) => {
  for (const id of texts.keys()) if (!part?.more || !document.getElementById(`step-${id}`)) texts.delete(id);
  steps.forEach(learn);
});

const say = (inFrench, inEnglish) => (french ? inFrench : inEnglish);
const icons = {
  copy: '<rect width="14" height="14" x="8" y="8" rx="2"/><path d="M4 16c-1.1 0-2-.9-2-2V4c0-1.1.9-2 2-2h10c1.1 0 2 .9 2 2"/>',
  check: '<path d="M20 6 9 17l-5-5"/>',
};
const draw = (icon) => `<svg viewBox="0 0 24 24" aria-hidden="true">${icons[icon]}</svg>`;

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const box = document.createElement("textarea"); // an address without TLS has no clipboard
  box.value = text;
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
}

addedOf(`${own} .flex-row.group`, (row) => {
  const button = document.createElement("button");
  button.className = "copy-message";
  button.type = "button";
  button.title = say("Copier", "Copy");
  button.setAttribute("aria-label", button.title);
  button.innerHTML = draw("copy");
  button.addEventListener("click", async () => {
    const id = row.closest("[id^=step-]").id.slice("step-".length);
    await copy(texts.get(id) ?? row.querySelector(".message-content").innerText);
    announce(say("Copié", "Copied"));
    button.innerHTML = draw("check");
    setTimeout(() => (button.innerHTML = draw("copy")), 2000);
  });
  row.prepend(button);
});

const LONG = { characters: 3000, blocks: 30, lines: 40 };
function isLong(content) {
  const text = content.textContent;
  const blocks = content.querySelectorAll("[role=article], li, pre").length;
  return text.length > LONG.characters || blocks > LONG.blocks || text.split("\n").length > LONG.lines;
}

let folded = 0;
addedOf(`${own} .message-content`, (content) => {
  if (content.classList.contains("folded") || !isLong(content)) return;
  const button = document.createElement("button");
  const fold = (closed) => {
    content.classList.toggle("folded", closed);
    button.textContent = closed ? say("Tout afficher", "Show all") : say("Réduire", "Show less");
    button.setAttribute("aria-expanded", String(!closed));
  };
  content.id ||= `own-${++folded}`;
  button.className = "unfold";
  button.type = "button";
  button.setAttribute("aria-controls", content.id);
  button.addEventListener("click", () => fold(button.getAttribute("aria-expanded") === "true"));
  fold(true);
  content.after(button);
});
