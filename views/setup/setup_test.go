package setup

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

//go:generate go test -run TestDocuments -update

var update = flag.Bool("update", false, "write docs/connections/ anew")

const folder = "../../docs/connections"

// TestDocuments: what is read beforehand is what the wizard says.
func TestDocuments(t *testing.T) {
	documents := Documents()
	if *update {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range documents {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, text := range documents {
		if is, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(is) != text {
			t.Errorf("docs/connections/%s is stale (%v): run go generate ./views/setup", name, err)
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, known := documents[f.Name()]; !known {
			t.Errorf("docs/connections/%s is about no product", f.Name())
		}
	}
}

var (
	stepID = regexp.MustCompile(`^[a-z][a-z-]{0,39}$`)
	marks  = regexp.MustCompile("\\*\\*[^*`]+\\*\\*|`[^`]+`")
)

// TestGuides holds every guide to what a walk through it needs.
func TestGuides(t *testing.T) {
	for _, p := range Products() {
		if p.Kind == "" || p.Name == "" || p.Admin == "" || len(p.Protocols()) == 0 {
			t.Errorf("%+v is incomplete", p)
		}
		for _, protocol := range p.Protocols() {
			g := p.Guide(protocol)
			name := p.Kind + " by " + protocol
			if len(p.Protocols()) > 1 && g.When == "" {
				t.Errorf("%s does not say when to choose it", name)
			}
			var ids []string
			takes := map[Take]int{}
			for _, s := range g.Steps {
				takes[s.Take]++
				if !stepID.MatchString(s.ID) || slices.Contains(ids, s.ID) || s.Title == "" {
					t.Errorf("%s: the step %q (%q) is not one of its own", name, s.ID, s.Title)
				}
				ids = append(ids, s.ID)
				s.hold(t, name)
			}
			from, not := TakesMetadata, TakesClient
			if protocol == OIDC {
				from, not = not, from
			}
			if takes[from] != 1 || takes[not] != 0 || takes[TakesMapping] != 1 || takes[TakesDomains] != 1 || g.Steps[len(g.Steps)-1].Take != TakesTest || len(ids) > 10 {
				t.Errorf("%s: takes %v in the steps %v", name, takes, ids)
			}
		}
	}
	if _, found := Find("nothing"); found {
		t.Error("there is a product called nothing")
	}
}

// hold looks for text whose marks do not close, and for lines that are about nothing.
func (s Step) hold(t *testing.T, guide string) {
	t.Helper()
	texts := slices.Concat([]string{s.Title, s.Lead, s.Hint}, s.Do, s.After)
	for _, w := range s.Wrong {
		texts = append(texts, w.Sign, w.Means)
		if w.Sign == "" || w.Means == "" || strings.HasSuffix(w.Sign, ".") {
			t.Errorf("%s, %s: %+v", guide, s.ID, w)
		}
	}
	for _, text := range texts {
		if strings.ContainsAny(marks.ReplaceAllString(text, ""), "*`") {
			t.Errorf("%s, %s: a mark is left open in %q", guide, s.ID, text)
		}
		if strings.Contains(Plain(text), "**") {
			t.Errorf("%s, %s: Plain leaves marks in %q", guide, s.ID, text)
		}
	}
	for _, give := range s.Give {
		if give.Field == "" || exampleValues[give.Value] == "" {
			t.Errorf("%s, %s: gives %+v", guide, s.ID, give)
		}
	}
	if s.Sends != nil {
		for _, row := range s.Sends.Rows {
			if len(row) != len(s.Sends.Columns) {
				t.Errorf("%s, %s: the row %v has not as many cells as there are columns", guide, s.ID, row)
			}
		}
	}
}
