package main

import (
	"regexp"
	"strings"

	"github.com/gatehouse-sso/gatehouse/bench"
)

// page is a route that only looks.
type page struct {
	pattern string // "GET /organizations/{organization}/members"
	path    string
	admin   bool
}

// searches are what lists are asked beside their first page.
var searches = []string{
	"/organizations/{organization}/members?q=person 1", "/organizations/{organization}/members?q=nobody like that", "/organizations/{organization}/members?after={member}",
	"/organizations/{organization}/projects?q=project 1", "/organizations/{organization}/projects?after={project}",
	"/organizations/{organization}/invites?q=person", "/organizations/{organization}/logins?q=person-17@corp.test",
	"/organizations/{organization}/events?actor=nobody",
}

// pagesIn are the pages of an organization in the list of routes.
func pagesIn(list string) (all []page) {
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		if len(words) < 3 || words[1] != "GET" || !strings.Contains(words[2], "/organizations/{organization}") {
			continue
		}
		all = append(all, page{"GET " + words[2], words[2], words[0] == "admin"})
		for _, search := range searches {
			if path, _, _ := strings.Cut(search, "?"); path == words[2] {
				all = append(all, page{"GET " + search, search, false})
			}
		}
	}
	return all
}

var parameter = regexp.MustCompile(`\{([a-z]+)\}`)

// question is the page as this installation's owner, or for the admin API its service account, asks for it. What it has none of is asked for
// by an id that nobody has.
func (i *installation) question(p page) bench.Question {
	path := parameter.ReplaceAllStringFunc(p.path, func(name string) string {
		if id := i.ids[strings.Trim(name, "{}")]; id != "" {
			return id
		}
		return "none"
	})
	q := bench.Question{Method: "GET", Path: strings.ReplaceAll(path, " ", "%20"), Header: [][2]string{{"Cookie", i.cookie}}}
	if p.admin {
		q.Header[0] = [2]string{"Authorization", "Bearer " + i.token}
	}
	return q
}
