// Who asked the system for less motion gets none: a style cannot stop what a script scrolls (threadkeep.css does the rest).
const still = matchMedia("(prefers-reduced-motion: reduce)");
const scroll = Element.prototype.scrollTo;
Element.prototype.scrollTo = function (...given) {
  const [where] = given;
  return still.matches && where?.behavior ? scroll.call(this, { ...where, behavior: "auto" }) : scroll.apply(this, given);
};
