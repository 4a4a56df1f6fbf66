// Keys that a person expects: Enter renames, Escape stops the answer.
const open = "[role=dialog], [role=alertdialog], [role=menu], [role=listbox], .command-item, #command-popover";

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented) return;
  const { target, key } = event;
  if (key === "Enter" && target.matches?.("[role=dialog] input#name")) {
    event.preventDefault();
    [...target.closest("[role=dialog]").querySelectorAll("button:not(.absolute)")].pop().click();
  } else if (key === "Escape" && !document.querySelector(open) && !target.closest?.("#edit-chat-input")) {
    document.querySelector("#stop-button")?.click();
  }
});
