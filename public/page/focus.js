// A dialog that no button of its own has opened gives the keyboard back to nobody when it closes.
const dialogs = "[role=dialog], [role=alertdialog]";
const passing = `${dialogs}, [role=menu], [role=listbox]`;
let last;
addEventListener("focusin", ({ target }) => {
  if (!target.closest(passing)) last = target;
});

// Only dialogs stand right in the body.
new MutationObserver((changes) => {
  for (const { removedNodes } of changes) {
    for (const node of removedNodes) if (node.matches?.(dialogs)) setTimeout(giveBack, 0, node);
  }
}).observe(document.body, { childList: true });

function giveBack(dialog) {
  if (document.activeElement !== document.body) return;
  // The sidebar of a small screen: its button is drawn anew. A text box would open the keyboard there.
  const instead = dialog.dataset.mobile ? "#sidebar-trigger-button" : "#chat-input";
  (last?.isConnected ? last : document.querySelector(instead))?.focus();
}

// While a menu is open, nothing else can be read; nor should the Tab key get there. Radix marks what it hides: the whole
// page, or its parts beside one that speaks (aria-live).
new MutationObserver((changes) => {
  for (const { target } of changes) target.inert = target.hasAttribute("data-aria-hidden");
}).observe(document.body, { attributeFilter: ["data-aria-hidden"], subtree: true });
