"use strict";
for (const set of document.querySelectorAll("fieldset[data-for]")) {
  const articles = [...document.getElementById(set.dataset.for).querySelectorAll("article")];
  const texts = articles.map((article) => article.textContent.toLowerCase());
  const [words, changed, refused] = set.querySelectorAll("input");
  const count = set.querySelector("output");
  const show = () => {
    const wanted = words.value.trim().toLowerCase();
    let shown = 0;
    articles.forEach((article, at) => {
      article.hidden = !(
        texts[at].includes(wanted) &&
        (!changed.checked || "changed" in article.dataset) &&
        (!refused.checked || "refused" in article.dataset)
      );
      shown += !article.hidden;
    });
    count.textContent = `${shown} of ${articles.length} shown`;
  };
  set.addEventListener("input", show);
  set.hidden = false;
  show();
}
// A table that is wider than the window can be scrolled by keyboard, and says what it is.
const wide = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth;
    for (const name of ["tabindex", "role", "aria-label"]) target.removeAttribute(name);
    if (!scrolls) continue;
    target.tabIndex = 0;
    target.setAttribute("role", "region");
    target.setAttribute("aria-label", target.querySelector("caption").textContent);
  }
});
for (const one of document.querySelectorAll(".wide")) wide.observe(one);
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
