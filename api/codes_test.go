package api

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The admin API's table of codes in docs/api.md is what the code says, no more and no less.
func TestCodesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "# The admin API")
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| \d{3} \|([^|]*)\|`).FindAllStringSubmatch(table, -1) {
		for _, code := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
			documented[code[1]] = true
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range regexp.MustCompile(`(?:http\.Status\w+, |unauthorized\(|p\.Code, p\.Detail = )"([a-z_]+)"`).FindAllStringSubmatch(string(text), -1) {
			said[code[1]] = true
		}
	}
	for _, status := range []int{http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		said[strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")] = true // named after their status
	}
	for code := range said {
		if !documented[code] {
			t.Errorf("docs/api.md does not know %q", code)
		}
	}
	for code := range documented {
		if !said[code] {
			t.Errorf("docs/api.md knows %q, which is never said", code)
		}
	}
}
