// Of a long conversation the server sends the end, and what the address points at: /thread/ID?step=STEP. The rest comes
// when it is asked for. A query, because the sign-in page leads on to it and Chainlit's router leaves it alone, which
// resolves no fragment: the message comes long after the page. See assistant/screen/view.py.
import { added } from "./added.js";
import { onMove, threadHere } from "./address.js";
import { announce } from "./announce.js";
import { french } from "./language.js";
import { notice } from "./notice.js";
import { area, leaveTheEnd } from "./scroll.js";
import { unreachable } from "./unreachable.js";
import { isLost, onHeard, onSaid, onSaying, say } from "./wire.js";

const SETTLING = 1000; // milliseconds in which what was loaded gets its height
let shown = {}; // what the server has said of it: whether there is more above, and before which step something is left out
let thread; // of which
let loading; // the button that was pressed
let led; // the address that was followed

const wordsOf = (inFrench, inEnglish) => (french ? inFrench : inEnglish);
const words = {
  earlier: wordsOf("Charger les messages précédents", "Load earlier messages"),
  later: wordsOf("Charger les messages suivants", "Load the messages that follow"),
  gone: wordsOf("Ce message n’est plus dans la conversation.", "This message is no longer in the conversation."),
  failed: wordsOf(
    "Les messages n’ont pas pu être chargés. Réessayez dans un instant.",
    "The messages could not be loaded. Try again in a moment.",
  ),
};
const loaded = (number, more) => {
  const [each, all] = more === "earlier" ? ["précédent", "earlier"] : ["suivant", "later"];
  const s = number === 1 ? "" : "s";
  return wordsOf(`${number} message${s} ${each}${s} chargé${s}`, `${number} ${all} message${s} loaded`);
};

const stepOf = (id) => document.getElementById(`step-${id}`)?.closest(".step");
const idOf = (step) => step?.querySelector("[id^=step-]")?.id.slice("step-".length);
const steps = () => [...document.querySelectorAll(".step")];
// The one that is being read.
const read = () => steps().find((step) => step.getBoundingClientRect().bottom > area().getBoundingClientRect().top + 1);
const pointedAt = () => new URLSearchParams(location.search).get("step");

// Keeps a step where it stands on the screen, whatever comes above it, until somebody scrolls.
let held;
export function hold(step) {
  leaveTheEnd();
  held = step && { step, top: step.getBoundingClientRect().top, until: Date.now() + SETTLING };
  if (held) requestAnimationFrame(keepOn);
}
function keep() {
  const moved = held?.step.isConnected && held.step.getBoundingClientRect().top - held.top;
  if (moved) area().scrollBy({ top: moved, behavior: "instant" });
}
function keepOn() {
  keep();
  if (Date.now() > held?.until) held = undefined;
  if (held) requestAnimationFrame(keepOn);
}
for (const type of ["wheel", "touchmove", "keydown", "pointerdown"]) {
  addEventListener(type, () => (held = undefined), { capture: true, passive: true });
}

function ask(more, button) {
  if (loading) return;
  if (isLost()) return unreachable();
  loading = button;
  button.setAttribute("aria-busy", "true");
  say("show_part", { more });
}

function done() {
  loading?.removeAttribute("aria-busy");
  loading = undefined;
}

function button(more) {
  const made = document.createElement("div");
  made.className = "load-more";
  made.dataset.more = more;
  made.innerHTML = '<button type="button"></button>';
  made.firstChild.textContent = words[more];
  made.firstChild.addEventListener("click", () => ask(more, made.firstChild));
  return made;
}
const buttons = { earlier: button("earlier"), later: button("later") };

function put(more, before) {
  const found = buttons[more];
  if (!before) {
    // The keyboard goes on where the button was.
    if (found.contains(document.activeElement)) focusOn(steps()[0]);
    found.remove();
  } else if (found.nextElementSibling !== before) {
    const focused = found.contains(document.activeElement);
    before.before(found);
    if (focused) found.firstChild.focus({ preventScroll: true });
  }
}

function focusOn(step) {
  if (!step) return;
  step.tabIndex = -1;
  step.focus({ preventScroll: true });
}

function draw() {
  const here = threadHere() === thread;
  put("earlier", here && shown.earlier ? steps()[0] : undefined);
  put("later", here && shown.gap ? stepOf(shown.gap) : undefined);
  keep();
}

// Goes to what the address points at, and marks it.
function lead(sent) {
  const id = pointedAt();
  if (!id || led === location.href) return;
  led = location.href;
  const place = sent.findIndex((each) => each.id === id);
  if (place < 0) return notice(words.gone);
  // What a step that is not drawn, such as a run, was for stands behind it.
  const step = [...sent.slice(place), ...sent.slice(0, place).reverse()].map((each) => stepOf(each.id)).find(Boolean);
  if (!step) return;
  step.classList.add("pointed-at");
  step.setAttribute("aria-current", "location");
  focusOn(step);
  step.scrollIntoView({ block: "center", behavior: "instant" });
  hold(step);
}

onHeard("resume_thread", ({ id, steps: sent, part }) => {
  if (thread !== id) [thread, led] = [id, undefined];
  const messages = sent.filter(({ type }) => type.includes("message"));
  const { more, before } = (shown = part ?? {});
  if (more && !stepOf(before)) return say("show_part", {}); // the page has other messages than the server thinks
  if (loading) hold(read());
  whenDrawn(messages.find(({ parentId }) => !parentId)?.id, () => {
    draw();
    if (!more) lead(sent);
    else if (messages.length) announce(loaded(messages.length, more));
    done();
  });
});

// The page draws it in a task of its own.
function whenDrawn(id, then, until = Date.now() + 10000) {
  if (!id || stepOf(id) || Date.now() > until) then();
  else setTimeout(whenDrawn, 10, id, then, until);
}

onHeard("part_failed", () => {
  done();
  notice(words.failed);
});

// Once for all that is added at a time, before it is painted.
let drawing = false;
added((element) => {
  if (drawing || !element.closest(".step")) return;
  drawing = true;
  queueMicrotask(() => {
    drawing = false;
    draw();
  });
});
onMove(draw);

// What stands below an edited message goes.
onSaid("edit_message", () => (shown = { ...shown, gap: undefined }));

// A page that connects says what it comes back to: a server that has started since knows nothing of it.
onSaying("connection_successful", () => {
  const mine = thread !== undefined && thread === threadHere();
  const at = mine ? shown.gap && idOf(read()) : pointedAt();
  const back_to = mine ? (shown.gap ?? idOf(steps()[0])) : undefined;
  if (at || back_to) say("show_part", { at, back_to });
});
