package web

import "net/http"

// maxNotice is how many characters of a notice are kept: a cookie holds 4 KiB in all.
const maxNotice = 300

// Notice tells, once and on the next page, that something was done ("The domain is verified."). It travels in a signed cookie for a
// minute: never put a secret into one.
func (c *Cookies) Notice(w http.ResponseWriter, text string) error {
	return c.notice.write(w, printable(text, maxNotice))
}

// TakeNotice is the notice that r brought, "" when there is none; the browser forgets it with this answer.
func (c *Cookies) TakeNotice(w http.ResponseWriter, r *http.Request) string {
	text, ok := c.notice.read(r)
	if ok {
		c.notice.Clear(w)
	}
	return text
}
