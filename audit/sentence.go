package audit

import (
	"fmt"
	"regexp"
	"slices"
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
	name := first(a.Name, a.ID)
	switch a.Kind {
	case User:
		return first(name, "Somebody")
	case APIKey:
		return called("The API key ", name, "An API key")
	case ServiceAccount:
		return called("The service account ", name, "A service account")
	case SetupLink:
		return called("Somebody with the setup link ", name, "Somebody with a setup link")
	case Operator:
		return strings.TrimSpace("The operator " + a.Name)
	}
	return "Gatehouse"
}

// called is what with its name, or nameless.
func called(what, name, nameless string) string {
	if name == "" {
		return nameless
	}
	return what + quoted(name)
}

// fill puts names where rest asks for them. The template alone is searched, never what was
// filled in, because names are people's own text and may contain braces.
func (e Event) fill(rest string) string {
	rest = optional.ReplaceAllStringFunc(rest, func(part string) string {
		for _, name := range named.FindAllString(part, -1) {
			if text := e.name(name); text == "" || text == themselves {
				return ""
			}
		}
		return part[1 : len(part)-1]
	})
	return named.ReplaceAllStringFunc(rest, func(name string) string {
		return first(e.name(name), "(unknown)")
	})
}

// themselves is the actor as a target: "Ada set a password for themselves".
const themselves = "themselves"

// namesThePerson are the acts that name a person even where it is the actor: nobody was there to act on, or "of themselves" would not read.
var namesThePerson = []Action{UserCreated, UserPasswordEnded, UserPasskeyRenamed, UserPasskeyRemoved, UserPasskeyRefused, UserLeftoversRemoved, BreakGlassCodesEnded}

// name is what {name} stands for, or "" where the event does not say.
func (e Event) name(braced string) string {
	kind := strings.Trim(braced, "{}")
	if kind == "before" || kind == "after" {
		return e.changed(kind)
	}
	for _, target := range e.Targets {
		switch {
		case target.Kind != kind:
			continue
		case kind == "user" && target.ID != "" && target.ID == e.Actor.ID && !slices.Contains(namesThePerson, e.Action):
			return themselves
		case kind == "user" || kind == "domain" || kind == "role":
			return first(target.Name, target.ID) // these read as themselves
		}
		return quoted(first(target.Name, target.ID))
	}
	return ""
}

// changed is one side of the first change.
func (e Event) changed(side string) string {
	if len(e.Changes) == 0 {
		return ""
	}
	if side == "before" {
		return quoted(e.Changes[0].Before)
	}
	return quoted(e.Changes[0].After)
}

// quoted puts a name in quotation marks; an empty one stays empty.
func quoted(name string) string {
	if name == "" {
		return ""
	}
	return "“" + name + "”"
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
