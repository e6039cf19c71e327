"use strict";
const find = document.getElementById("find");
const none = document.getElementById("none");
const blocks = [...document.querySelectorAll("[data-find]")];
const parts = [...document.querySelectorAll("main section")];
const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.getAttribute("href").slice(1), link]));
const search = () => {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const block of blocks) {
    block.hidden = !words.every((word) => block.dataset.find.includes(word));
    const link = links.get(block.id);
    if (link) link.hidden = block.hidden;
  }
  let any = false;
  for (const part of parts) {
    const inside = [...part.querySelectorAll("[data-find]")];
    part.hidden = words.length > 0 && inside.length > 0 && inside.every((block) => block.hidden);
    const link = links.get(part.id);
    if (link) link.hidden = part.hidden;
    any ||= !part.hidden;
  }
  none.hidden = any;
};
find.addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== find) {
    event.preventDefault();
    find.focus();
  } else if (event.key === "Escape" && document.activeElement === find) {
    find.value = "";
    search();
    find.blur();
  }
});
const root = document.documentElement;
const button = document.getElementById("theme");
const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const show = () => {
  button.textContent = dark() ? "Light" : "Dark";
};
try {
  const kept = localStorage.getItem("mdkgen-theme");
  if (kept) root.dataset.theme = kept;
} catch { /* no storage: the system's theme holds */ }
button.addEventListener("click", () => {
  root.dataset.theme = dark() ? "light" : "dark";
  try {
    localStorage.setItem("mdkgen-theme", root.dataset.theme);
  } catch { /* as above */ }
  show();
});
show();
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-15% 0px -75% 0px" });
for (const id of links.keys()) {
  const target = document.getElementById(id);
  if (target) seen.observe(target);
}
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
