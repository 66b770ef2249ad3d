// For the two pages that go on by themselves: one follows its Continue link, the other posts
// its form to the identity provider. Without scripts the reader presses the button.

const link = document.querySelector("a[data-go-on]");
if (link) location.replace(link.href);

const form = document.querySelector("form[data-go-on]");
if (form) form.submit();
