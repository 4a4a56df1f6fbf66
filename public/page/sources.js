// [1] in an answer opens what it cites: Chainlit makes a link of each name of an element that it finds in a text. It would
// do so in code as well, which then says something else. The page's script asks here instead: assistant/fixes/page_script.py.
// What is left as it is, as assistant/turns/sources.py has it, too.
const CODE = new RegExp(
  [
    /^ {0,3}(`{3,}|~{3,})[^\n]*\n[^]*?(?:\n {0,3}\1[`~]*[ \t]*(?=\n|$)|$(?![^]))/, // fences
    /((?<![^])|^[ \t]*\n)(?=(?: {4}|\t)[ \t]*(?!(?:[-*+]|\d{1,9}[.)])[ \t])\S)(?:(?: {4}|\t)[ \t]*\S[^\n]*(?:\n|$(?![^])))+/, // indented
    /(`+)(?!`)[^]+?(?<!`)\3(?!`)/,
    /\$\$(?:(?!\n[ \t]*\n)[^])+?\$\$|(?<![\\$])\$(?![\s$])(?:[^$\n\\]|\\[^\n])+(?<!\s)\$(?![\d$])/, // mathematics
    /\\\((?:(?!\n[ \t]*\n|\\\()[^])+?\\\)|\\\[(?:(?!\n[ \t]*\n|\\\[)[^])+?\\\]/,
    /https?:\/\/[^\s<>()*`"|]*(?:\([^\s<>()]*\)[^\s<>()*`"|]*)*/, // addresses
    /!\[(?:[^[\]\n]|\[[^[\]\n]*\])*\]\([^()\n]*\)/, // pictures
  ]
    .map(({ source }) => source)
    .join("|"),
  "gm",
);
const OUTER = /^ {0,3}\S/;
const ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)])[ \t]/;
const SEVERAL = /\[(\d{1,4}(?:\s*[,;]\s*\d{1,4})+)\]/g;

// [1, 2] as [1][2], where both are names.
const apart = (text, names) =>
  text.replace(SEVERAL, (all, numbers) => {
    const each = numbers.split(/\s*[,;]\s*/).map((number) => `[${number}]`);
    return each.every((name) => name.replace(names, "") === "") ? each.join("") : all;
  });

function* codes(text) {
  let seen = 0;
  let outer = "";
  for (let code, start = 0; (CODE.lastIndex = start), (code = CODE.exec(text)); ) {
    const indented = code[2] !== undefined;
    if (indented) {
      const lines = text.slice(seen, code.index).split("\n").reverse();
      outer = lines.find((line) => OUTER.test(line)) ?? outer;
      seen = code.index;
    }
    const goesOn = indented && ITEM.test(outer); // with an item of a list
    start = code.index + (goesOn ? code[2] : code[0]).length;
    if (!goesOn) yield code;
  }
}

globalThis.namesInProse = (text, names, to) => {
  let shown = "";
  let at = 0;
  for (const code of codes(text)) {
    shown += apart(text.slice(at, code.index), names).replaceAll(names, to) + code[0];
    at = code.index + code[0].length;
  }
  return shown + apart(text.slice(at), names).replaceAll(names, to);
};
