// [1] in an answer opens what it cites: Chainlit makes a link of each name of an element that it finds in a text. It would
// do so in code as well, which then says something else. The page's script asks here instead: assistant/fixes/page_script.py.
const CODE = /^ {0,3}(`{3,}|~{3,})[^\n]*\n[^]*?(?:\n {0,3}\1[`~]*[ \t]*(?=\n|$)|$(?![^]))|(`+)(?!`)[^]+?(?<!`)\2(?!`)/gm;
const SEVERAL = /\[(\d{1,4}(?:\s*[,;]\s*\d{1,4})+)\]/g;

// [1, 2] as [1][2], where both are names.
const apart = (text, names) =>
  text.replace(SEVERAL, (all, numbers) => {
    const each = numbers.split(/\s*[,;]\s*/).map((number) => `[${number}]`);
    return each.every((name) => name.replace(names, "") === "") ? each.join("") : all;
  });

globalThis.namesInProse = (text, names, to) => {
  let shown = "";
  let at = 0;
  for (const code of text.matchAll(CODE)) {
    shown += apart(text.slice(at, code.index), names).replaceAll(names, to) + code[0];
    at = code.index + code[0].length;
  }
  return shown + apart(text.slice(at), names).replaceAll(names, to);
};

// The link leads nowhere, and would end up in the address.
addEventListener("click", (event) => event.target.closest?.("a.element-link") && event.preventDefault(), true);
