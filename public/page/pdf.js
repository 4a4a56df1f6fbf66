// A page of a PDF is no wider than the panel that shows it; zooming goes on from there. The text over it, for selecting, is
// made smaller with it.
import { addedOf } from "./added.js";

const PAGE = ".react-pdf__Page";
const PERCENT = /^(\d+)%$/; // beside the buttons, is the only word of how far it is zoomed
const watched = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    for (const page of target.closest(".overflow-auto")?.querySelectorAll(PAGE) ?? []) fit(page);
  }
});

function fit(page) {
  const box = page.closest(".overflow-auto");
  const drawn = parseFloat(page.querySelector("canvas")?.style.width);
  const words = [...(box?.parentElement.querySelectorAll(".sticky span") ?? [])].map((span) => span.textContent);
  const scale = (words.map((word) => PERCENT.exec(word)?.[1]).find(Boolean) ?? 100) / 100;
  if (!box || !drawn) return;
  const { paddingLeft, paddingRight } = getComputedStyle(page.closest(".react-pdf__Document").parentElement);
  const room = box.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
  page.style.zoom = Math.min(1, room / (drawn / scale));
}

addedOf(`${PAGE} canvas`, (canvas) => {
  const box = canvas.closest(".inline-pdf") ? undefined : canvas.closest(".overflow-auto");
  if (box) [box, canvas].forEach((each) => watched.observe(each));
});
