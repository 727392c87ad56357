"use strict";
// Pictures are stored once, by id; a case's pictures are filled in when it is opened.
const pictures = JSON.parse(document.getElementById("pictures").textContent);
for (const details of document.querySelectorAll("details.case")) {
  details.addEventListener("toggle", () => {
    for (const image of details.querySelectorAll("img[data-picture]")) {
      if (!image.src && pictures[image.dataset.picture]) image.src = pictures[image.dataset.picture];
    }
  });
}
const form = document.querySelector("form.filter"); // pages without a choice of cases have none
const count = document.getElementById("shown");
function apply() {
  const wanted = new FormData(form);
  let shown = 0;
  for (const section of document.querySelectorAll("section.check")) {
    section.hidden = ["check", "factor"].some((key) => wanted.get(key) && section.dataset[key] !== wanted.get(key));
    for (const details of section.querySelectorAll("details.case")) {
      details.hidden = Boolean(wanted.get("outcome")) && details.dataset.outcome !== wanted.get("outcome");
      if (!details.hidden && !section.hidden) shown += 1;
    }
  }
  count.textContent = `${shown} cases shown`;
}
if (form) {
  form.addEventListener("change", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  apply();
}
