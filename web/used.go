package web

import (
	"net/http"
	"slices"
	"strings"
)

// Used are the ids of the connections that this browser has signed in through, the last one first. They name no person, and open nothing: they
// choose between connections that are offered anyway.
func (c *Cookies) Used(r *http.Request) []string {
	text, _ := c.used.read(r)
	ids := strings.Fields(text)
	return ids[:min(len(ids), usedKept)]
}

// Use notes that this browser has signed in through the connection.
func (c *Cookies) Use(w http.ResponseWriter, r *http.Request, connectionID string) error {
	ids := slices.DeleteFunc(c.Used(r), func(id string) bool { return id == connectionID })
	ids = slices.Insert(ids, 0, connectionID)
	return c.used.write(w, strings.Join(ids[:min(len(ids), usedKept)], " "))
}
