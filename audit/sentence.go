package audit

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	optional = regexp.MustCompile(`\[[^\]]*\]`)
	named    = regexp.MustCompile(`\{[a-z_]+\}`)
)

// Sentence tells the event to a person: "Ada Lovelace revoked the API key “ci” in project
// “Search”." Names are as they were then; the text is plain and not escaped for HTML.
func (e Event) Sentence() string {
	p, ok := phraseOf[e.Action]
	if !ok {
		p = phrase{did: "did", rest: " " + string(e.Action)}
	}
	sentence := e.Actor.who() + " " + p.did
	refused := e.Outcome == Refused && p.do != ""
	if refused {
		sentence = e.Actor.who() + " tried to " + p.do
	}
	sentence += e.fill(p.rest)
	if refused {
		sentence += " and was refused"
	}
	if e.Outcome == Refused && e.Reason != "" {
		sentence += ": " + strings.ReplaceAll(e.Reason, "_", " ")
	}
	if e.Count > 1 {
		sentence += fmt.Sprintf(" (%d times)", e.Count)
	}
	return sentence + "."
}

// who begins the sentence.
func (a Actor) who() string {
	switch a.Kind {
	case User:
		return first(a.Name, a.ID, "Somebody")
	case APIKey:
		return "The API key " + quoted(first(a.Name, a.ID))
	case ServiceAccount:
		return "The service account " + quoted(first(a.Name, a.ID))
	case SetupLink:
		return "Somebody with the setup link " + quoted(first(a.Name, a.ID))
	case Operator:
		if a.Name != "" {
			return "The operator " + a.Name
		}
		return "The operator"
	}
	return "Gatehouse"
}

// fill puts names where rest asks for them. The template alone is searched, never what was
// filled in, because names are people's own text and may contain braces.
func (e Event) fill(rest string) string {
	rest = optional.ReplaceAllStringFunc(rest, func(part string) string {
		for _, name := range named.FindAllString(part, -1) {
			if _, ok := e.name(name); !ok {
				return ""
			}
		}
		return part[1 : len(part)-1]
	})
	return named.ReplaceAllStringFunc(rest, func(name string) string {
		text, ok := e.name(name)
		if !ok {
			return "(unknown)"
		}
		return text
	})
}

// name is what {name} stands for, and whether the event says it.
func (e Event) name(braced string) (string, bool) {
	kind := strings.Trim(braced, "{}")
	switch {
	case kind == "before" || kind == "after":
		if len(e.Changes) == 0 {
			return "", false
		}
		text := e.Changes[0].After
		if kind == "before" {
			text = e.Changes[0].Before
		}
		return quoted(text), text != ""
	}
	for _, target := range e.Targets {
		if target.Kind != kind {
			continue
		}
		text := first(target.Name, target.ID)
		// A person's, a domain's and a role's name read as themselves.
		if kind != "user" && kind != "domain" && kind != "role" {
			text = quoted(text)
		}
		return text, text != ""
	}
	return "", false
}

func quoted(name string) string { return "“" + name + "”" }

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
