// What the page and the server say to each other, for modules that only listen.
const heard = {};
const said = {};
const saying = {};
let newest; // connection
let lost = false;
let known = false; // whether the server has the session of this page
const waiting = [];
const go = () => waiting.splice(0).forEach((resume) => resume());
// Whether the server has gone; not where the page itself has hung up, to ask for another conversation.
export const isLost = () => lost;
const HUNG_UP = [1000, 1005];
// Resolves once the server has the session of this page, or has gone, or after so many milliseconds.
export const onceKnown = (longest) =>
  new Promise((resume) => {
    if (known || lost) return resume();
    waiting.push(resume);
    setTimeout(resume, longest);
  });

// Calls `take(...given)` for each event of this name from the server.
export const onHeard = (event, take) => (heard[event] ??= []).push(take);
// Calls `take(...given)` for each event of this name that the page sends.
export const onSaid = (event, take) => (said[event] ??= []).push(take);
// The same, before it is sent.
export const onSaying = (event, take) => (saying[event] ??= []).push(take);
// Sends an event of our own.
export const say = (event, ...given) => newest.send(`42${JSON.stringify([event, ...given])}`);

function tell(listeners, data) {
  if (typeof data !== "string" || !data.startsWith('42["')) return;
  const takers = listeners[data.slice(4, data.indexOf('"', 4))];
  if (!takers) return;
  const [, ...given] = JSON.parse(data.slice(2));
  for (const take of takers) take(...given);
}

window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    newest = this;
    known = false;
    this.addEventListener("message", ({ data }) => {
      if (newest === this && data.startsWith?.("42[")) lost = false;
      if (newest === this && data.startsWith?.("40")) go((known = true));
      tell(heard, data);
    });
    this.addEventListener("close", ({ code }) => {
      if (newest !== this) return;
      known = false;
      if (!HUNG_UP.includes(code)) go((lost = true));
    });
  }

  send(data) {
    tell(saying, data);
    super.send(data);
    tell(said, data);
  }
};
