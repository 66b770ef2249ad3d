// What the console's pages do better with scripts. Without them, everything still works:
// values select at a click, forms post, and the search box is a Tab away.

const selection = (element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  const chosen = getSelection();
  chosen.removeAllRanges();
  chosen.addRange(range);
};

// Copy fields: the button appears, copies, and says so in its own place.
for (const field of document.querySelectorAll("[data-copy]")) {
  const button = field.querySelector("[data-copy-button]");
  const value = field.querySelector(".copy-value");
  const word = field.querySelector("[data-copy-word]");
  button.hidden = false;
  word.setAttribute("aria-live", "polite");
  let back;
  button.addEventListener("click", async () => {
    clearTimeout(back);
    try {
      await navigator.clipboard.writeText(value.textContent);
      word.textContent = "Copied";
      button.classList.add("copied");
    } catch {
      selection(value); // no clipboard (plain http, an old browser): the next Ctrl+C has it
      word.textContent = "Selected";
    }
    back = setTimeout(() => {
      word.textContent = "Copy";
      button.classList.remove("copied");
    }, 2000);
  });
}

// Where the sidebar is a strip, the present page's line is in sight.
document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// The error summary or the new secret is what to read first.
document.querySelector("[data-focus]")?.focus();

// "/" leads to the search box, unless somebody is typing.
const search = document.querySelector("[data-search]");
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey || !search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// An open organization switcher closes at Escape and at a click elsewhere.
const switcher = document.querySelector(".switcher");
document.addEventListener("click", (event) => {
  if (switcher?.open && !switcher.contains(event.target)) switcher.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !switcher?.open) return;
  switcher.open = false;
  switcher.querySelector("summary").focus();
});
