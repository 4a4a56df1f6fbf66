// The page puts the steps of a conversation below their parents one by one, and looks through all of them for each: a
// thousand take it a minute. And it draws all of them anew, although most are as they were. The page's script calls this
// instead: see assistant/fixes/page_script.py. Each returns what the page's state sets: from what it holds, what it shows.
const madeOf = new WeakMap(); // of each message: the step, as JSON
let adding; // whether what was sent last comes besides what is shown: see part.js

// The messages as the page holds them: the steps without a parent, each with those below it.
globalThis.nestedSteps = ({ steps, part }) => {
  adding = Boolean(part?.more);
  return (held) => {
    const old = new Map();
    learn(held, old);
    if (!part?.more) return nest(steps, old);
    return join(held, nest(steps.filter(({ id }) => !old.has(id)), old), part);
  };
};

function learn(messages, old) {
  for (const message of messages) {
    old.set(message.id, message);
    if (message.steps) learn(message.steps, old);
  }
}

function nest(steps, old) {
  const below = new Map(steps.map(({ id }) => [id, []]));
  const top = [];
  for (const step of steps) (below.get(step.parentId) ?? top).push(step);
  const make = (step) => {
    const children = below.get(step.id).map(make);
    const as = JSON.stringify(step);
    const before = old.get(step.id);
    if (before && madeOf.get(before) === as && isSame(before.steps ?? [], children)) return before;
    const message = children.length ? { ...step, steps: children } : { ...step };
    madeOf.set(message, as);
    return message;
  };
  return top.map(make);
}

const isSame = (some, others) => some.length === others.length && some.every((each, place) => each === others[place]);

// Each of these is the id of a message, or none. `more` goes before `before`. Then shown is what stands from `first` on, up
// to `until`, and from `gap` on.
function join(held, more, { before, first, until, gap }) {
  const place = (messages, id) => messages.findIndex((message) => message.id === id);
  const at = Math.max(place(held, before), 0);
  const all = [...held.slice(0, at), ...more, ...held.slice(at)];
  const [end, goesOn] = [place(all, until), place(all, gap)];
  if (until && end >= 0 && end < goesOn) all.splice(end, goesOn - end);
  return all.slice(Math.max(place(all, first), 0));
}

// The elements that the page holds, unless they are others now.
globalThis.heldElements = (sent) => {
  const besides = adding;
  return (held) => {
    if (!besides) return JSON.stringify(held) === JSON.stringify(sent) ? held : sent;
    const ids = new Set(held.map(({ id }) => id));
    const more = sent.filter(({ id }) => !ids.has(id));
    return more.length ? [...more, ...held] : held;
  };
};
