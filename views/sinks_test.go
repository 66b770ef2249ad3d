package views

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// rawSink matches every way in which templ lets text reach a page unescaped or an address
// reach it unchecked.
var rawSink = regexp.MustCompile(`templ\.(Raw|SafeURL|SafeCSS|JSUnsafeFuncCall|ComponentScript|SafeScript)|(?m)^(script|css) \w+\(`)

// TestW13_NoRawSinks reads every template and every Go file of views: what people typed is
// always escaped, and addresses always checked. No place is exempt.
func TestW13_NoRawSinks(t *testing.T) {
	read := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".templ" && path.Ext(name) != ".go" {
			return err
		}
		if strings.HasSuffix(name, "_templ.go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if found := rawSink.Find(text); found != nil {
			t.Errorf("%s uses %s", name, found)
		}
		read++
		return err
	})
	if err != nil || read < 20 {
		t.Fatalf("read %d files: %v", read, err)
	}
	for _, bad := range []string{"@templ.Raw(p.Name)", "templ.SafeURL(p.URL)", "\nscript go() {"} {
		if !rawSink.MatchString(bad) {
			t.Errorf("%q is not noticed", bad)
		}
	}
}
