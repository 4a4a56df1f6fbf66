// The page puts the steps of a conversation below their parents one by one, and looks through all of them for each: a
// thousand take it a minute. And it draws all of them anew, although most are as they were. The page's script calls this
// instead: see assistant/fixes/page_script.py.
let before = new Map();

// The messages as the page holds them: the steps without a parent, each with those below it.
globalThis.nestedSteps = (steps) => {
  const below = new Map(steps.map(({ id }) => [id, []]));
  const top = [];
  for (const step of steps) (below.get(step.parentId) ?? top).push(step);
  const now = new Map();
  const nest = (step) => {
    const children = below.get(step.id).map(nest);
    const as = JSON.stringify(step);
    const old = before.get(step.id);
    const same = old?.as === as && isSame(old.children, children);
    const message = same ? old.message : children.length ? { ...step, steps: children } : { ...step };
    now.set(step.id, { as, children, message });
    return message;
  };
  const nested = top.map(nest);
  before = now;
  return nested;
};

const isSame = (some, others) => some.length === others.length && some.every((each, place) => each === others[place]);

// The elements that the page holds, unless they are others now.
globalThis.sameElements = (held, sent) => (JSON.stringify(held) === JSON.stringify(sent) ? held : sent);
