// What may be attached is said before it is chosen: at the attach button, and while files are dragged over the page. What
// would be beyond is refused there, whole, before anything is sent. The server has the last word: assistant/access/storage.py.
import { addedOf } from "./added.js";
import { notice } from "./notice.js";
import { onHeard, onSaid, say } from "./wire.js";

const DESCRIPTION = "files-allowed";
const ASKED_AGAIN = 2000; // milliseconds
const LONGEST_NAME = 80; // letters
let allowed; // what the server has said last
let asked = -Infinity;

function ask() {
  if (performance.now() - asked < ASKED_AGAIN) return;
  asked = performance.now();
  try {
    say("files_allowed");
  } catch {
    // there is no connection now; the server refuses what is too much
  }
}

onSaid("connection_successful", () => {
  asked = -Infinity;
  setTimeout(ask);
});
onHeard("files_allowed", (given) => {
  allowed = given;
  let words = document.getElementById(DESCRIPTION);
  if (!words) {
    words = document.createElement("p");
    words.id = DESCRIPTION;
    words.hidden = true;
    document.body.append(words);
  }
  words.textContent = given.told;
  for (const shown of document.querySelectorAll(".files-allowed")) shown.textContent = given.told;
});

addedOf("#upload-button", (button) => {
  button.setAttribute("aria-describedby", DESCRIPTION);
  for (const event of ["pointerenter", "focus", "click"]) button.addEventListener(event, ask);
});

// Chainlit's own tip of the button has its name alone.
addedOf("[data-radix-popper-content-wrapper] p", (tip) => {
  const button = document.getElementById("upload-button");
  if (!allowed || !button?.closest("span")?.matches("[data-state$=open]") || tip.querySelector(".files-allowed")) return;
  const words = document.createElement("span");
  words.className = "files-allowed";
  words.textContent = allowed.told;
  tip.append(words);
});

// Set apart from the sentence around it, whose direction it must not change.
const shortened = ({ name }) => `\u2068${name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name}\u2069`;

function refusal(files) {
  if (!allowed || !files.length) return undefined;
  if (allowed.count && files.length > allowed.count) return allowed.too_many;
  const large = files.filter(({ size }) => allowed.largest && size > allowed.largest);
  if (large.length) return allowed.too_large.replace("{names}", () => large.map(shortened).join(", "));
  const size = files.reduce((sum, file) => sum + file.size, 0);
  return "left" in allowed && size > allowed.left ? allowed.no_room : undefined;
}

function check(event, files) {
  const sentence = refusal([...(files ?? [])]);
  ask();
  if (!sentence) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  notice(sentence, 60000);
  if (event.target.type === "file") event.target.value = "";
}

const isOfFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files") && document.getElementById("upload-button");
let dragged = false;
addEventListener("dragenter", (event) => {
  if (!isOfFiles(event) || dragged) return;
  dragged = true;
  ask();
  if (allowed) notice(allowed.told);
});
addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) dragged = false;
});
const capture = { capture: true };
addEventListener("change", (event) => event.target.id === "upload-button-input" && check(event, event.target.files), capture);
addEventListener(
  "drop",
  (event) => {
    dragged = false;
    if (isOfFiles(event)) check(event, event.dataTransfer.files);
  },
  capture,
);
addEventListener("paste", (event) => event.target.closest?.("#chat-input") && check(event, event.clipboardData?.files), capture);
