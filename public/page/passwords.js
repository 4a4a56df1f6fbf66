// A PDF with a password is shown as one that cannot be: react-pdf would ask for the password in dialogs of the browser, for
// ever, for the next one comes when this is cancelled, and nothing else in the tab could be used.
const ASKED = ["Enter the password to open this PDF file.", "Invalid password. Please try again."];
const ask = globalThis.prompt;
globalThis.prompt = function (...given) {
  if (ASKED.includes(given[0])) throw new Error("A PDF with a password");
  return ask.apply(globalThis, given);
};
