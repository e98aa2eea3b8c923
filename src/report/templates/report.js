"use strict";
(() => {
  const box = document.getElementById("search"), found = document.getElementById("found");
  const parts = [...document.querySelectorAll("[data-search]")].map(part => [part, part.textContent.toLowerCase()]);
  box.closest("p").hidden = false;
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const [part, text] of parts) {
      const hit = words.every(word => text.includes(word));
      part.hidden = !hit;
      count += hit;
    }
    found.textContent = words.length ? count + " of " + parts.length : "";
  });
})();
