package setup

import (
	"fmt"
	"strings"
)

// exampleValues are ours as a document shows them, where there is no connection yet.
var exampleValues = map[Value]string{
	EntityID: "https://gatehouse.example.com/saml/{connection}/metadata", Metadata: "https://gatehouse.example.com/saml/{connection}/metadata",
	ACS: "https://gatehouse.example.com/saml/{connection}/acs", ACSPattern: `^https:\/\/gatehouse\.example\.com\/saml\/{connection}\/acs$`,
	StartURL: "https://gatehouse.example.com/connections/{connection}/login",
	Callback: "https://gatehouse.example.com/oidc/{connection}/callback", Initiate: "https://gatehouse.example.com/oidc/{connection}/initiate",
	OurKeys: "https://gatehouse.example.com/oidc/{connection}/keys",
	SLO:     "https://gatehouse.example.com/saml/{connection}/slo", BackChannel: "https://gatehouse.example.com/oidc/{connection}/backchannel-logout",
	SignedOut: "https://gatehouse.example.com/oidc/{connection}/signed-out",
}

// protocolNames are the protocols as people call them.
var protocolNames = map[string]string{SAML: "SAML", OIDC: "OpenID Connect"}

const written = "<!-- Written from views/setup by go generate ./views/setup. Change the words there. -->\n\n"

// Markdown is the product's document.
func (p Product) Markdown() string {
	var doc strings.Builder
	doc.WriteString(written)
	fmt.Fprintf(&doc, "# %s\n\n", p.Name)
	fmt.Fprintf(&doc, "Choose **Connections** → **Connect an identity provider** → **%s**, and the same steps are shown one by one, with the values of your own connection to copy. ", p.Name)
	fmt.Fprintf(&doc, "You need %s, and about ten minutes. Nobody signs in by the connection before you activate it.\n", p.Admin)
	for _, protocol := range p.Protocols() {
		guide, level := p.Guide(protocol), "##"
		if len(p.Protocols()) > 1 {
			fmt.Fprintf(&doc, "\n## By %s\n\n%s\n", protocolNames[protocol], guide.When)
			level = "###"
		}
		for i, step := range guide.Steps {
			step.write(&doc, level, i+1)
		}
		guide.Mapping.write(&doc, level)
	}
	return doc.String()
}

func (s Step) write(doc *strings.Builder, level string, number int) {
	fmt.Fprintf(doc, "\n%s %d. %s\n\n", level, number, s.Title)
	paragraph(doc, s.Lead)
	list(doc, s.Do, 1)
	if len(s.Give) > 0 {
		doc.WriteString("| their field | our value |\n|---|---|\n")
		for _, give := range s.Give {
			fmt.Fprintf(doc, "| %s | `%s` |\n", give.Field, exampleValues[give.Value])
		}
		doc.WriteString("\n")
	}
	if s.Sends != nil {
		s.Sends.write(doc)
	}
	if s.Code != "" {
		fmt.Fprintf(doc, "```json\n%s\n```\n\n", strings.NewReplacer("{entity_id}", exampleValues[EntityID], "{acs}", exampleValues[ACS]).Replace(s.Code))
	}
	list(doc, s.After, len(s.Do)+1)
	paragraph(doc, s.Hint)
	if len(s.Wrong) > 0 {
		doc.WriteString("What can go wrong here:\n\n")
		for _, one := range s.Wrong {
			fmt.Fprintf(doc, "- *%s.* %s\n", Plain(one.Sign), one.Means)
		}
	}
}

func paragraph(doc *strings.Builder, text string) {
	if text != "" {
		doc.WriteString(text + "\n\n")
	}
}

func list(doc *strings.Builder, acts []string, from int) {
	for i, act := range acts {
		fmt.Fprintf(doc, "%d. %s\n", from+i, act)
	}
	if len(acts) > 0 {
		doc.WriteString("\n")
	}
}

func (t Table) write(doc *strings.Builder) {
	fmt.Fprintf(doc, "| %s |\n|%s\n", strings.Join(t.Columns, " | "), strings.Repeat("---|", len(t.Columns)))
	for _, row := range t.Rows {
		fmt.Fprintf(doc, "| `%s` |\n", strings.Join(row, "` | `"))
	}
	doc.WriteString("\n")
}

// write says what the connection looks for from the beginning.
func (m Mapping) write(doc *strings.Builder, level string) {
	if m == (Mapping{}) {
		return
	}
	fmt.Fprintf(doc, "\n%s What is looked for\n\nThe connection begins with these names, and each can be changed.\n\n| ours | theirs |\n|---|---|\n", level)
	for _, row := range [][2]string{{"Subject", m.Subject}, {"Email address", m.Email}, {"Full name", m.Name}, {"Given name", m.GivenName}, {"Family name", m.FamilyName}, {"Groups", m.Groups}} {
		theirs := "the NameID"
		if row[1] != "" {
			theirs = "`" + row[1] + "`"
		} else if row[0] != "Subject" {
			theirs = "the usual names"
		}
		fmt.Fprintf(doc, "| %s | %s |\n", row[0], theirs)
	}
}

// Index is the document that leads to all the others.
func Index() string {
	var doc strings.Builder
	doc.WriteString(written + "# Connecting an identity provider\n\nStep by step, in the words of each product's own console. The console of Gatehouse leads through the same steps.\n\n| product | by |\n|---|---|\n")
	for _, p := range Products() {
		var by []string
		for _, protocol := range p.Protocols() {
			by = append(by, protocolNames[protocol])
		}
		fmt.Fprintf(&doc, "| [%s](%s.md) | %s |\n", p.Name, p.Kind, strings.Join(by, ", "))
	}
	doc.WriteString("\nA connection is a draft until you activate it: it answers test logins and nothing else. After it is active, its settings are changed on its own pages. What becomes of keys that change is told in [certificates](../certificates.md).\n")
	return doc.String()
}

// Documents are the files of docs/connections/ by name.
func Documents() map[string]string {
	all := map[string]string{"README.md": Index()}
	for _, p := range Products() {
		all[p.Kind+".md"] = p.Markdown()
	}
	return all
}
