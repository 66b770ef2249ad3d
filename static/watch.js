// A login that is under way, followed as it goes on: the server sends the part of the page that changes, drawn anew. Where that does not work
// (scripts off, too many of them open), the page has a link that reloads it.

const live = document.querySelector("[data-watch]");
const said = document.querySelector("[data-watch-said]");
const source = new EventSource(live.dataset.watch);
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

const following = (yes) => {
  for (const note of live.querySelectorAll("[data-watch-on]")) note.hidden = !yes;
  for (const note of live.querySelectorAll("[data-watch-off]")) note.hidden = yes;
};

source.addEventListener("open", () => following(true));
source.addEventListener("error", () => following(source.readyState !== EventSource.CLOSED));

source.addEventListener("progress", (event) => {
  const before = live.querySelectorAll(".step").length;
  const inside = live.contains(document.activeElement);
  live.replaceChildren(...new DOMParser().parseFromString(event.data, "text/html").body.childNodes);
  following(true);
  if (inside) document.querySelector("#main").focus();
  said.textContent = live.querySelector("[data-verdict]").textContent;
  if (calm) return;
  [...live.querySelectorAll(".step")].slice(before).forEach((step, i) => {
    step.animate({ opacity: [0, 1], transform: ["translateY(4px)", "none"] }, { duration: 160, delay: 120 * i, fill: "backwards" });
  });
});

source.addEventListener("over", () => source.close());
