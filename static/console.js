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

// A page that is worth paper.
const paper = document.querySelector("[data-print]");
if (paper) {
  paper.hidden = false;
  paper.addEventListener("click", () => print());
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

// The permissions of a new key follow its choices. Without scripts, a button asks the server.
for (const picker of document.querySelectorAll("[data-picker]")) {
  const chosen = (name) => picker.querySelector(`input[name="${name}"]:checked`)?.value;
  const show = () => {
    const all = chosen("permissions") === "all";
    let given = 0;
    for (const grant of picker.querySelectorAll(".grant")) {
      const level = chosen(grant.dataset.plane);
      grant.hidden = !all && level !== "ReadWrite" && level !== grant.dataset.level;
      given += grant.hidden ? 0 : 1;
    }
    for (const row of picker.querySelectorAll("tbody tr")) row.hidden = !row.querySelector(".grant:not([hidden])");
    const words = given === 1 ? "1 permission" : `${given} permissions`;
    picker.querySelector("[data-grants]").textContent = given ? words : "Nothing yet: choose at least one permission.";
  };
  picker.querySelector("[data-show]")?.remove();
  picker.addEventListener("change", show);
  show(); // a page that was gone back to keeps its choices
}

// A form that is being sent is not sent again by a second click.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (Date.now() - (form.dataset.sent ?? 0) < 3000) event.preventDefault();
  else form.dataset.sent = Date.now();
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
