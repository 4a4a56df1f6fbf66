// The lines of the sidebar: a link around a button around a menu that only a mouse opens. Here, a link and a button.
import { addedOf } from "./added.js";
import { french } from "./language.js";

addedOf("#thread-options", (menu) => {
  const line = menu.closest("li");
  const title = line?.querySelector(".truncate");
  if (!title) return;
  title.id = `title-${line.id}`;
  line.querySelector("a").setAttribute("aria-labelledby", title.id);
  const around = menu.closest("button");
  around.tabIndex = -1;
  around.setAttribute("role", "group");
  around.setAttribute("aria-labelledby", title.id);
  menu.removeAttribute("type");
  menu.tabIndex = 0;
  menu.setAttribute("role", "button");
  menu.setAttribute("aria-label", french ? "Renommer ou supprimer" : "Rename or delete");
  menu.setAttribute("aria-describedby", title.id);
});
