// What the page reads in Markdown besides CommonMark and tables: formulas, and the direction of each block of text. The
// page's script takes these plugins of its parser from here: assistant/fixes/page_script.py.
const EOL = (code) => code !== null && code < -2;
const MONEY = /^\d/;
const WORD = /(^|[^\\\p{L}])\p{L}{2,}/u;
const SIGN = /[\\^_={}<>]/;
const PROSE = /^[\p{L}\d\s,.;:'’()-]*$/u;

// Whether what stands between two dollars is a formula: $5 and $6, 5$ et 6$, US$1 and $HOME:$PATH are none.
function betweenDollars(text, before, after) {
  if (/[\p{L}\p{N}]$/u.test(before) || /^\s|\s$/.test(text) || /\d/.test(after)) return false;
  if (/[^^_][-:,;/(&=@_]$/.test(text)) return false; // no formula ends in the middle
  if (/[A-Za-z]/.test(after) && (/^\w{2,}$/.test(text) || !/[\w)}\]]$/.test(text))) return false;
  return !(MONEY.test(text) && WORD.test(text) && !SIGN.test(text));
}

function isFormula(open, text, before, after) {
  if (!text.trim()) return false;
  if (open === "$") return betweenDollars(text, before, after);
  if (open === "$$") return true;
  // Escaped brackets around words, as in \[sic\], are none.
  return !(PROSE.test(text) && (/\p{L}{3,}/u.test(text) || (open === "\\[" && !/\p{L}/u.test(text))));
}

const closes = { "$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]" };
const char = (code) => (code === null ? "" : code < 0 ? " " : String.fromCodePoint(code));

function ends(text, close) {
  if (!text.endsWith(close)) return false;
  const rest = text.slice(0, -close.length);
  return (rest.length - rest.replace(/\\+$/, "").length) % 2 === 0;
}

// A construct of micromark: $…$, $$…$$, \(…\) and \[…\]. `flow`: as lines of their own, where $…$ and \(…\) are none.
function formula(flow) {
  function tokenize(effects, ok, nok) {
    const self = this;
    const before = flow ? "" : char(self.previous);
    let open = "";
    let text = "";
    let token;

    function start(code) {
      token = effects.enter("formula");
      effects.enter("formulaData");
      open = char(code);
      effects.consume(code);
      return second;
    }

    function second(code) {
      const both = open + char(code);
      if (both.length === 2 && both in closes && !(flow && both === "\\(")) {
        open = both;
        effects.consume(code);
        return inside;
      }
      return open === "$" && !flow ? inside(code) : nok(code);
    }

    function inside(code) {
      if (code === null) return nok(code);
      if (EOL(code)) return lineEnd(code);
      effects.consume(code);
      text += char(code);
      return ends(text, closes[open]) && text.length > closes[open].length ? after : inside;
    }

    function lineEnd(code) {
      const blank = text.includes("\n") && !text.slice(text.lastIndexOf("\n")).trim();
      if (open === "$" || blank) return nok(code);
      effects.exit("formulaData");
      if (flow && self.interrupt) return ok(code);
      effects.enter("lineEnding");
      effects.consume(code);
      effects.exit("lineEnding");
      text += "\n";
      return lineStart;
    }

    function lineStart(code) {
      if (code === null || EOL(code) || (flow && self.parser.lazy[self.now().line])) return nok(code);
      effects.enter("formulaData");
      return inside(code);
    }

    function after(code) {
      if (flow && (code === 32 || code === -2 || code === -1)) {
        effects.consume(code);
        return after;
      }
      const shown = text.slice(0, -closes[open].length);
      const next = code === null ? "" : EOL(code) ? " " : char(code);
      if (flow ? code !== null && !EOL(code) : open === "$" && next === "$") return nok(code);
      if (!isFormula(open, shown, before, next)) return nok(code);
      token.display = open === "$$" || open === "\\[";
      token.marks = open.length;
      effects.exit("formulaData");
      effects.exit("formula");
      return ok(code);
    }

    return start;
  }
  const previous = (code) => code !== 36;
  return { name: "formula", tokenize, previous, concrete: flow };
}

// The tree gets the kind of node that KaTeX's plugin looks for.
const fromMarkdown = {
  enter: {
    formula(token) {
      const className = ["language-math", token.display ? "math-display" : "math-inline"];
      this.enter({ type: "math", value: "", data: { hName: "code", hProperties: { className }, hChildren: [] } }, token);
      this.buffer();
    },
  },
  exit: {
    formulaData(token) {
      this.config.enter.data.call(this, token);
      this.config.exit.data.call(this, token);
    },
    formula(token) {
      const value = this.resume().trim().slice(token.marks, -token.marks).trim();
      const node = this.stack.at(-1);
      this.exit(token);
      node.value = value;
      node.data.hChildren.push({ type: "text", value });
      stylesheet();
    },
  },
};

// KaTeX's stylesheet and fonts are fetched with the first formula.
let styled = false;
function stylesheet() {
  if (styled) return;
  styled = true;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("../vendor/katex/katex.min.css", import.meta.url).href;
  document.head.append(link);
}

function formulas() {
  const data = this.data();
  (data.micromarkExtensions ??= []).push({
    flow: { 36: formula(true), 92: formula(true) },
    text: { 36: formula(false), 92: formula(false) },
  });
  (data.fromMarkdownExtensions ??= []).push(fromMarkdown);
}

// Arabic and Hebrew are read from right to left, whatever stands around them.
const blocks = ["paragraph", "heading", "list", "blockquote", "table"];
function directions() {
  return (tree) => {
    for (const block of tree.children) {
      if (!blocks.includes(block.type)) continue;
      block.data ??= {};
      block.data.hProperties = { ...block.data.hProperties, dir: "auto" };
    }
  };
}

// A log or a table of 100,000 characters that somebody pasted is one paragraph. Looking for emphasis and links in it takes
// the page many seconds, and finds what nobody meant. It is shown as it is.
const PARAGRAPH = 10_000; // characters; no person or model writes as long a one
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
function isPasted(text) {
  if (text.length <= PARAGRAPH) return false;
  let fence = "";
  let length = 0;
  for (const line of text.split("\n")) {
    const mark = FENCE.exec(line)?.[1];
    if (mark && !fence) fence = mark;
    else if (mark?.startsWith(fence)) fence = "";
    length = fence || !line.trim() ? 0 : length + line.length + 1;
    if (length > PARAGRAPH) return true;
  }
  return false;
}

function pastes() {
  const parse = this.parser;
  this.parser = (text, file) => {
    if (!isPasted(text)) return parse(text, file);
    return { type: "root", children: [{ type: "paragraph", children: [{ type: "text", value: text }] }] };
  };
}

// A picture of another server is not loaded (the Content-Security-Policy): it is a link, not a grey box.
const foreign = (url) => /^(https?:)?\/\//i.test(url) && !url.startsWith(`${location.origin}/`);
function pictures() {
  return function mend(node) {
    for (const child of node.children ?? []) {
      if (child.type === "image" && foreign(child.url)) {
        const text = { type: "text", value: child.alt || child.url };
        Object.assign(child, node.type === "link" ? text : { type: "link", children: [text] });
      }
      mend(child);
    }
  };
}

// Whoever hears a table is told the head of each column, and of each row where the corner is empty, as in one with the
// numbers of its rows.
function heads() {
  return function mend(node) {
    for (const child of node.children ?? []) child.type === "table" ? headed(child) : mend(child);
  };
}
function headed(table) {
  const [head, ...rows] = table.children;
  const head_of = (cell, scope) => (cell.data = { ...cell.data, hName: "th", hProperties: { scope } });
  head.children.forEach((cell) => head_of(cell, "col"));
  if (head.children.length < 2 || head.children[0].children.length) return;
  for (const row of rows) if (row.children.length) head_of(row.children[0], "row");
}

globalThis.markdownReaders = [formulas, directions, pastes, pictures, heads];
