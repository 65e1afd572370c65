// Keeps a view as it is now, and copies what is to be pasted. Reading needs none of this.
"use strict";

const live = () => document.querySelector("[data-live]");

async function refresh() {
  const shown = live();
  if (!shown) return;
  setTimeout(refresh, Number(shown.dataset.live));
  if (document.hidden || busy(shown)) return;
  try {
    const answer = await fetch(location.href);
    if (!answer.ok) return say("The emulator refused: " + answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.getElementById("clock").textContent = fresh.getElementById("clock").textContent;
    const next = fresh.getElementById("live");
    if (busy(shown) || next.innerHTML === shown.dataset.was) return;
    replace(shown, next);
  } catch {
    say("The emulator doesn't answer any more.");
  }
}

/** Whether somebody reads here with the keyboard, or has marked text: it must not move then. */
function busy(shown) {
  return shown.contains(document.activeElement) || !(getSelection()?.isCollapsed ?? true);
}

function replace(shown, next) {
  const was = next.innerHTML;
  const folds = new Map([...shown.querySelectorAll("details")].map((one) => [one.id, one.open]));
  for (const one of next.querySelectorAll("details")) {
    if (folds.has(one.id)) one.open = folds.get(one.id);
  }
  const scrolls = [...shown.querySelectorAll("pre,.wide")].map((one) => [one.scrollTop, one.scrollLeft, atEnd(one)]);
  next.dataset.was = was;
  shown.replaceWith(next);
  [...next.querySelectorAll("pre,.wide")].forEach((one, index) => {
    const [top, left, end] = scrolls[index] ?? [0, 0, true];
    one.scrollLeft = left;
    one.scrollTop = end ? one.scrollHeight : top;
  });
  widen();
}

const atEnd = (one) => one.scrollTop + one.clientHeight >= one.scrollHeight - 4;

function say(words) {
  document.getElementById("clock").textContent = words;
}

/** What is wider than the window is reached with the keyboard. */
function widen() {
  for (const one of document.querySelectorAll(".wide")) {
    if (one.scrollWidth > one.clientWidth) {
      one.tabIndex = 0;
      one.setAttribute("role", "region");
      one.setAttribute("aria-label", one.querySelector("caption")?.textContent ?? "Table");
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) one.removeAttribute(name);
    }
  }
}

function offerCopy() {
  const code = document.getElementById("curl");
  if (!code || !navigator.clipboard) return;
  const button = document.createElement("button");
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  });
  code.before(button);
}

const log = document.querySelector("pre.log");
if (log) log.scrollTop = log.scrollHeight;
widen();
addEventListener("resize", widen);
offerCopy();
if (live()) setTimeout(refresh, Number(live().dataset.live));
