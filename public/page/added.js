// One observer for all who mend what appears on the page. They run before it is painted.
const menders = [];

// Calls `mend(element, node)` for each text or element that is added; `element`: the node, or the one around the text.
export function added(mend) {
  menders.push(mend);
}

// Calls `mend(found)` for each element that is added and fits `selector`.
export function addedOf(selector, mend) {
  added((element, node) => {
    if (node !== element) return;
    if (node.matches(selector)) mend(node);
    for (const found of node.querySelectorAll(selector)) mend(found);
  });
}

// A button that is drawn for another purpose, as Send and Stop are, is the same one with another id.
new MutationObserver((changes) => {
  for (const { type, target, addedNodes } of changes) {
    for (const node of type === "attributes" ? [target] : addedNodes) {
      const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
      const readable = node.nodeType === Node.TEXT_NODE || node.nodeType === Node.ELEMENT_NODE;
      if (readable && element?.isConnected) for (const mend of menders) mend(element, node);
    }
  }
}).observe(document, { childList: true, subtree: true, attributeFilter: ["id"] });
