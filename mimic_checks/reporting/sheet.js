"use strict";
// Pictures are embedded once each, however many cases show them.
const pictures = JSON.parse(document.getElementById("pictures").textContent);
for (const image of document.querySelectorAll("img[data-picture]")) {
  image.src = pictures[image.dataset.picture] || "";
}
const boxes = [...document.querySelectorAll("input.mark")];
const counter = document.getElementById("count");
const listed = document.getElementById("listed");
const save = document.getElementById("save");
let address = "";
function lines() {
  return boxes.filter((box) => box.checked).map((box) => `${box.value}  # ${box.dataset.about}\n`).join("");
}
function update() {
  const text = lines();
  const marked = boxes.filter((box) => box.checked).length;
  counter.textContent = `${marked} of ${boxes.length} cases marked as arguable`;
  listed.value = text;
  if (address) URL.revokeObjectURL(address);
  address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  save.href = address;
  for (const box of boxes) box.closest("article").classList.toggle("marked", box.checked);
}
for (const box of boxes) box.addEventListener("change", update);
document.getElementById("load").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  const ids = new Set((await file.text()).split("\n").map((line) => line.trim().split(/\s+/)[0]));
  for (const box of boxes) box.checked = ids.has(box.value);
  update();
});
// n and p go from case to case; space marks the case that has the focus.
document.addEventListener("keydown", (event) => {
  const step = { n: 1, p: -1 }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey || event.target === listed) return;
  const here = boxes.indexOf(document.activeElement);
  const next = boxes[here < 0 ? (step > 0 ? 0 : boxes.length - 1) : here + step];
  if (next) {
    next.focus();
    next.closest("article").scrollIntoView({ block: "nearest" });
  }
});
window.addEventListener("pageshow", update);
update();
