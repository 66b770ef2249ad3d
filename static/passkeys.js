// Passkeys. A form with data-passkey asks the server what is to be signed, lets the device sign it, and posts the answer. Browsers that
// cannot do that keep it hidden: there are other ways in.

const form = document.querySelector("form[data-passkey]");
const making = form?.dataset.passkey === "create";
const able = window.PublicKeyCredential?.[making ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON"];
const renewal = 4 * 60 * 1000; // what is to be signed is worth something for five minutes
let waiting;

const sign = async (mediation) => {
  waiting?.abort();
  const { signal } = (waiting = new AbortController());
  const asked = await fetch(form.dataset.ask, { method: "POST", signal });
  if (asked.status === 401) return location.reload(); // the sign-in is not fresh any more: the page itself leads there
  if (!asked.ok) throw new Error("not now");
  const publicKey = able.call(PublicKeyCredential, await asked.json());
  const credential = making
    ? await navigator.credentials.create({ publicKey, signal })
    : await navigator.credentials.get({ publicKey, signal, mediation });
  form.elements.answer.value = JSON.stringify(credential);
  form.submit();
};

const say = (error) => {
  const words = {
    AbortError: "",
    InvalidStateError: "This device has a passkey for you already.",
    NotAllowedError: "Nothing was signed. Try again, or choose another way.",
  };
  form.querySelector("[data-passkey-word]").textContent = words[error.name] ?? "This did not work. Try again in a moment.";
};

if (able) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sign("optional").catch(say);
  });
}

// Where the browser can, it offers passkeys among what it fills in for the address: nothing is shown to somebody who has none.
if (able && "offer" in form.dataset && (await PublicKeyCredential.isConditionalMediationAvailable?.())) {
  const offer = () => {
    if (!document.hidden) sign("conditional").catch(() => {});
  };
  offer();
  setInterval(offer, renewal);
}
