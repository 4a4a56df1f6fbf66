// What Chainlit's page gets wrong and offers no setting for. It runs before the page's own script, in this order:
// theme, requests to the server, messages, words.
(() => {
  const french = /^fr\b/i.test(navigator.language);
  document.documentElement.lang = french ? "fr" : "en";

  // Theme. The page falls back to the server's default, light or dark, unless the browser has a choice stored under
  // this key. "system" is the value that its own theme menu stores, so a person's choice replaces it as usual.
  try {
    if (!localStorage.getItem("vite-ui-theme")) localStorage.setItem("vite-ui-theme", "system");
  } catch {
    // A browser that denies storage gets the server's default.
  }

  // Requests.
  const request = window.fetch.bind(window);
  const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

  // The page asks again and again who is there, and leaves for the sign-in page when that fails: while the server is
  // down the tab, and the text in it, would be lost. One request at a time waits for the server instead.
  let asking;
  async function whoIsThere(...given) {
    for (;;) {
      const answer = await request(...given).catch(() => undefined);
      if (answer && ![502, 503, 504].includes(answer.status)) return answer;
      await pause(1000);
    }
  }

  // The sign-in form shows the status of a refusal, for which it has no sentence; the reason is in the body.
  async function signIn(...given) {
    const answer = await request(...given);
    if (answer.ok) return answer;
    const { detail } = await answer.json().catch(() => ({}));
    return { ok: true, json: () => Promise.reject(new Error(String(detail ?? "default"))) };
  }

  // The server's reasons are in small letters, the names of the sentences are not; and one has no sentence.
  async function translations(...given) {
    const answer = await request(...given);
    if (!answer.ok) return answer;
    const found = await answer.json();
    const errors = found.translation.auth.login.errors;
    for (const [name, sentence] of Object.entries(errors)) errors[name.toLowerCase()] = sentence;
    errors.toomanytries = french
      ? "Trop d’essais pour ce compte. Patientez un quart d’heure, puis réessayez."
      : "Too many tries for this account. Wait a quarter of an hour, then try again.";
    return Response.json(found);
  }

  // The page resumes the open conversation while it is being deleted, and keeps showing it: begin with a fresh page.
  async function deleteThread(address, options) {
    const answer = await request(address, options);
    const end = `/thread/${JSON.parse(options.body).threadId}`;
    if (answer.ok && location.pathname.endsWith(end)) location.replace(location.pathname.slice(0, -end.length) + "/");
    return answer;
  }

  window.fetch = async (address, options = {}) => {
    const { pathname } = new URL(address.url ?? address, location.href);
    const is = (method, end) => (options.method ?? "GET") === method && pathname.endsWith(end);
    if (is("GET", "/user")) {
      asking ??= whoIsThere(address, options).finally(() => (asking = undefined));
      return (await asking).clone();
    }
    if (is("POST", "/login")) return signIn(address, options);
    if (is("GET", "/project/translations")) return translations(address, options);
    if (is("DELETE", "/project/thread")) return deleteThread(address, options);
    return request(address, options);
  };

  // Messages. One that goes into a connection whose server has just died is lost, while the page shows it; so is what
  // replaces an edited one. It is sent again when the page is connected again ("ready"), unless the server has said that
  // it is stored ("kept").
  const unsure = new Map();
  let sender;
  const begins = (data, text) => typeof data === "string" && data.startsWith(text);
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      let silent;
      this.addEventListener("message", ({ data }) => {
        // A connection that its server has lost sight of says nothing more: another one is made.
        if (begins(data, "40{")) silent = setTimeout(() => this.close(), 8000);
        if (begins(data, "42[")) clearTimeout(silent);
        if (begins(data, '42["kept",')) unsure.delete(JSON.parse(data.slice(2))[1]);
        if (begins(data, '42["ready"')) for (const message of unsure.values()) super.send(message);
      });
    }

    send(data) {
      super.send(data);
      if (begins(data, "40{")) {
        const { sessionId } = JSON.parse(data.slice(2));
        if (sender !== sessionId) unsure.clear(); // another conversation
        sender = sessionId;
      } else if (begins(data, '42["client_message",') || begins(data, '42["edit_message",')) {
        const [event, sent] = JSON.parse(data.slice(2));
        unsure.set(sent.message.id, `42${JSON.stringify([event, { ...sent, again: true }])}`);
      }
    }
  };

  // Words that are not in the translations: [where, what the page says, in French, in English if that is not clear].
  // The first rule that fits is applied before the page is painted; conversations are left alone. U+00A0 and U+202F
  // are the no-break spaces of French.
  const notice = "[data-sonner-toast], [data-sidebar=sidebar] .border";
  const hidden = ".sr-only, [aria-label], [title]";
  const pdf = ".inline-pdf, .react-pdf__Document";
  const words = [
    [notice, /^Couldn't resume chat: .*/, "Cette conversation n’existe pas, ou n’existe plus.", "This conversation does not exist, or no longer does."],
    [notice, /^Couldn't resume chat$/, "La conversation n’a pas pu être ouverte.", "The conversation could not be opened."],
    [notice, /^Error fetching threads: .*/, "La recherche n’a pas abouti.", "The search failed."],
    [notice, /^Failed to copy: .*/, "La copie a échoué.", "Copying failed."],
    [notice, /^.*(Failed to fetch|NetworkError|Load failed).*/, "Le serveur est injoignable.", "The server cannot be reached."],
    [notice, /^(Service Unavailable|Internal Server Error)\b.*/, "Le serveur n’y parvient pas pour l’instant. Réessayez.", "The server cannot do that right now. Try again."],
    [notice, /^.*This page is out of date; reload it$/, "Cette page n’est plus à jour\u00a0: rechargez-la.", "This page is out of date: reload it."],
    [notice, /^File type must be .*/, "Ce type de fichier n’est pas accepté. Joignez des images, des sons, des vidéos, des PDF, des textes ou des documents bureautiques.", "This type of file is not accepted. Attach pictures, sound, video, PDF, text or office documents."],
    [notice, /^File is larger than (\d+) MB$/, "Le fichier dépasse $1\u00a0Mo."],
    [notice, /^Too many files$/, "Trop de fichiers à la fois.", "Too many files at once."],
    [notice, /^(.*): The file is empty$/, "$1\u00a0: le fichier est vide."],
    [notice, /^(.*): File type not allowed$/, "$1\u00a0: ce type de fichier n’est pas accepté."],
    [notice, /^(.*): File size too large$/, "$1\u00a0: le fichier est trop volumineux."],
    [notice, /^(.*): Upload (failed|error)$/, "$1\u00a0: l’envoi a échoué.", "$1: the upload failed."],
    ["[cmdk-item]", /^Untitled Conversation$/, "Conversation sans titre", "Untitled conversation"],
    [pdf, /^Loading (preview|PDF|page)(\.\.\.|…)$/, "Chargement…", "Loading…"],
    [pdf, /^Failed to load PDF file\.$/, "Le PDF n’a pas pu être chargé.", "The PDF could not be loaded."],
    ["*", /^Failed to load chart\.$/, "Le graphique n’a pas pu être chargé.", "The chart could not be loaded."],
    [hidden, /^Open PDF in a larger view$/, "Agrandir le PDF"],
    [hidden, /^View PDF$/, "PDF"],
    [hidden, /^A modal with a larger view of the PDF\.$/, "Le PDF en plus grand."],
    [hidden, /^Print\/Open PDF$/, "Ouvrir ou imprimer le PDF", "Open or print the PDF"],
    [hidden, /^Download PDF$/, "Télécharger le PDF", "Download the PDF"],
    [hidden, /^Close( lightbox)?$/, "Fermer", "Close"],
    [hidden, /^Toggle theme$/, "Changer de thème", "Change the theme"],
    [hidden, /^Toggle Sidebar$/, "Afficher ou masquer le volet latéral", "Show or hide the sidebar"],
  ];
  const conversation = "script, style, textarea, .message-content, li[id^=thread-]";

  function said(text, element) {
    for (const [where, what, inFrench, inEnglish] of words) {
      if (what.test(text) && element.closest(where)) {
        const sentence = french ? inFrench : inEnglish;
        return sentence ? text.replace(what, sentence) : text;
      }
    }
    return text;
  }

  function translate(root) {
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
      node.matches?.(conversation) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
    );
    for (let node = root; node; node = walk.nextNode()) {
      if (node.nodeType === Node.TEXT_NODE) {
        const better = said(node.data, node.parentElement);
        if (better !== node.data) node.data = better;
        continue;
      }
      for (const name of ["aria-label", "title"]) {
        const text = node.getAttribute(name);
        const better = text && said(text, node);
        if (better !== text) node.setAttribute(name, better);
      }
    }
  }

  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
        const readable = node.nodeType === Node.TEXT_NODE || node.nodeType === Node.ELEMENT_NODE;
        if (readable && element?.isConnected && !element.closest(conversation)) translate(node);
      }
    }
  }).observe(document, { childList: true, subtree: true });
})();
