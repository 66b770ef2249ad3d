package secret

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestLeakPatternFindsEveryTokenOfOurs(t *testing.T) {
	pattern, whole := regexp.MustCompile(LeakPattern), regexp.MustCompile(`^`+LeakPattern+`$`)
	const suffix = "01jd3x8k2mfz9t0v5r7wq4ycna"
	for range 200 {
		for _, token := range []Token{NewKeyText(suffix), NewServiceAccountText(suffix)} {
			text := token.Reveal()
			if !whole.MatchString(text) || pattern.FindString(`GATEHOUSE_KEY="`+text+`"; # ci`) != text {
				t.Fatalf("%s is not found", text)
			}
		}
	}
	for _, other := range []string{
		"", "gate_", "gatehouse", "gate_" + suffix, "gate_" + suffix + "_" + strings.Repeat("a", 48), "gate_8" + suffix[1:] + "_" + strings.Repeat("a", 49),
		"gate_" + strings.ToUpper(suffix) + "_" + strings.Repeat("a", 49), "gate_xyz_" + suffix + "_" + strings.Repeat("a", 49), "key_" + suffix,
	} {
		if pattern.MatchString(other) {
			t.Errorf("%q is found", other)
		}
	}
}

func TestLeakPatternIsPublished(t *testing.T) {
	text, err := os.ReadFile("../docs/api.md")
	if err != nil || !strings.Contains(string(text), "\n    "+LeakPattern+"\n") {
		t.Errorf("docs/api.md does not have it on a line of its own (%v)", err)
	}
}
