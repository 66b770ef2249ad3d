package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const goodKey = "kq5ZB1zW0Yw2nWq2b8l3J0c4u6mDq1n9Q7yQe5Qx3hE="

// shell runs the program with nothing in its environment but what is given, in a folder of its own.
func shell(t *testing.T, environment map[string]string, args ...string) (out string, err error) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "GATEHOUSE_") {
			t.Setenv(name, value) // so that it comes back
			_ = os.Unsetenv(name)
		}
	}
	for name, value := range environment {
		t.Setenv(name, value)
	}
	var written bytes.Buffer
	err = realMain(t.Context(), args, &written)
	return written.String(), err
}

func file(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreInOrder(t *testing.T) {
	t.Chdir(t.TempDir())
	out, err := shell(t, nil, "serve", "--check")
	if err != nil || out != "The settings are in order.\n" {
		t.Errorf("%q, %v", out, err)
	}
	if left, err := os.ReadDir("."); err != nil || len(left) != 0 {
		t.Errorf("the check left %v behind (%v)", left, err)
	}
}

func TestEveryMistakeIsToldAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := shell(t, map[string]string{
		"GATEHOUSE_URL":                 "http://sso.example.com",
		"GATEHOUSE_LISTEN":              "8080",
		"GATEHOUSE_DATABASE":            "mysql://root:hunter2@db/x",
		"GATEHOUSE_MASTER_KEY":          "hunter2!",
		"GATEHOUSE_MASTER_KEY_PREVIOUS": "aHVudGVyMg==",
		"GATEHOUSE_TLS_CERT":            "/nowhere/cert.pem",
		"GATEHOUSE_TRUSTED_PROXIES":     "10.0.0.0/33",
		"GATEHOUSE_EGRESS_ALLOW":        "intranet",
		"GATEHOUSE_DNS_FILE":            "/nowhere/dns",
		"GATEHOUSE_METRICS_LISTEN":      "metrics",
		"GATEHOUSE_EXT_AUTHZ_LISTEN":    "envoy",
		"GATEHOUSE_SMTP_URL":            "smtp://gate:hunter2@mail.example.com:99999?from=nobody",
		"GATEHOUSE_CATALOG":             "/nowhere/catalog.yaml",
		"GATEHOUSE_BRAND_LOGO":          "/nowhere/logo.svg",
		"GATEHOUSE_SUPPORT_URL":         "javascript:alert(1)",
		"GATEHOUSE_BILLING_URL":         "http://billing.example.com",
		"GATEHOUSE_LOG":                 "xml",
	}, "serve", "--check")
	if err == nil {
		t.Fatal("no mistake was found")
	}
	lines := strings.Split(err.Error(), "\n")[1:]
	for _, name := range []string{"URL", "LISTEN", "DATABASE", "MASTER_KEY", "MASTER_KEY_PREVIOUS", "TLS_CERT", "TRUSTED_PROXIES", "EGRESS_ALLOW", "DNS_FILE",
		"METRICS_LISTEN", "EXT_AUTHZ_LISTEN", "SMTP_URL", "CATALOG", "BRAND_LOGO", "SUPPORT_URL", "BILLING_URL", "LOG"} {
		if !strings.Contains(err.Error(), "GATEHOUSE_"+name) {
			t.Errorf("nothing is said about %s in:\n%s", name, err)
		}
	}
	if len(lines) != 18 || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%d sentences, or a secret among them:\n%s", len(lines), err)
	}
}

func TestSettingsOneByOne(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, c := range map[string]struct {
		setting, value string
		mistake        string // "": none
	}{
		"https":                     {"URL", "https://sso.example.com", ""},
		"https, slash at the end":   {"URL", "https://sso.example.com/", ""},
		"localhost":                 {"URL", "http://localhost:9999", ""},
		"loopback address":          {"URL", "http://127.0.0.1:9999", "localhost alone"},
		"path":                      {"URL", "https://sso.example.com/sso", "scheme and host alone"},
		"user":                      {"URL", "https://u@sso.example.com", "scheme and host alone"},
		"no scheme":                 {"URL", "sso.example.com", "must look like"},
		"other scheme":              {"URL", "ftp://sso.example.com", "must look like"},
		"all interfaces":            {"LISTEN", ":8080", ""},
		"port out of range":         {"LISTEN", "127.0.0.1:99999", "host:port"},
		"resolver without a port":   {"DNS", "127.0.0.1", ""},
		"IPv6 resolver":             {"DNS", "[::1]", ""},
		"networks and an address":   {"TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1,fd00::/8", ""},
		"folder that is missing":    {"DATABASE", "sqlite:/nowhere/gatehouse.db", "/nowhere"},
		"database in memory":        {"DATABASE", "sqlite::memory:", "must be sqlite:<path>"},
		"example key":               {"MASTER_KEY", base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef")), "not random"},
		"mail over TLS":             {"SMTP_URL", "smtps://u:p@mail.example.com?from=sso@example.com", ""},
		"mail in the clear":         {"SMTP_URL", "smtp://mail.example.com?from=sso@example.com&tls=none", "this machine alone"},
		"mail from nobody":          {"SMTP_URL", "smtp://mail.example.com", "whom mails come from"},
		"key of zeros":              {"MASTER_KEY", base64.StdEncoding.EncodeToString(make([]byte, 32)), "not random"},
		"short key":                 {"MASTER_KEY", base64.StdEncoding.EncodeToString([]byte("short")), "32 bytes"},
		"key":                       {"MASTER_KEY", goodKey, ""},
		"key without padding":       {"MASTER_KEY", strings.TrimRight(goodKey, "="), ""},
		"PostgreSQL without a key":  {"DATABASE", "postgres://db/gatehouse", "GATEHOUSE_MASTER_KEY is missing"},
		"mail address for support":  {"SUPPORT_URL", "mailto:help@example.com", ""},
		"plain http for support":    {"SUPPORT_URL", "http://help.example.com", "https:// or mailto:"},
		"certificate without a key": {"TLS_CERT", "cert.pem", "belong together"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := shell(t, map[string]string{"GATEHOUSE_" + c.setting: c.value}, "serve", "--check")
			if c.mistake == "" && err != nil || c.mistake != "" && (err == nil || !strings.Contains(err.Error(), c.mistake)) {
				t.Errorf("%v, want %q", err, c.mistake)
			}
		})
	}
}

func TestSettingsFromFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := shell(t, map[string]string{"GATEHOUSE_MASTER_KEY_FILE": file(t, "key", goodKey+"\n", 0o600)}, "serve", "--check"); err != nil {
		t.Errorf("a key in a file: %v", err)
	}
	if _, err := shell(t, map[string]string{"GATEHOUSE_URL_FILE": file(t, "url", "ftp://x\n", 0o600)}, "serve", "--check"); err == nil || !strings.Contains(err.Error(), `"ftp://x"`) {
		t.Errorf("the file was not read: %v", err)
	}
	both := map[string]string{"GATEHOUSE_LOG": "json", "GATEHOUSE_LOG_FILE": file(t, "log", "text", 0o600)}
	if _, err := shell(t, both, "serve", "--check"); err == nil || !strings.Contains(err.Error(), "both set") {
		t.Errorf("NAME and NAME_FILE: %v", err)
	}
	logo := map[string]string{"GATEHOUSE_BRAND_LOGO_FILE": file(t, "logo.svg", "<svg/>", 0o644)}
	if _, err := shell(t, logo, "serve", "--check"); err != nil {
		t.Errorf("a path as NAME_FILE: %v", err)
	}
}

func TestCatalogueOfOnesOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	const good = "data:\n  - {resource: files, read: [get]}\nroutes:\n  - {methods: [GET], path: \"/files/{file}\", permission: files:get}\n"
	for name, row := range map[string]struct {
		path  string
		wrong []string
	}{
		"good":     {file(t, "good.yaml", good, 0o644), nil},
		"wrong":    {file(t, "wrong.yaml", strings.ReplaceAll(good, "get]", "Get]"), 0o644), []string{`line 2: data: files: action "Get"`, `line 4: permission "files:get"`}},
		"endless":  {"/dev/zero", []string{"more than 256 KiB"}},
		"a folder": {t.TempDir(), []string{"GATEHOUSE_CATALOG: "}},
	} {
		_, err := shell(t, map[string]string{"GATEHOUSE_CATALOG": row.path}, "serve", "--check")
		if (err == nil) != (row.wrong == nil) {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range row.wrong {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %s", name, err, want)
			}
		}
	}
}

func TestCommandLineMistakes(t *testing.T) {
	for _, args := range [][]string{{"fly"}, {"serve", "--fly"}} {
		if _, err := shell(t, nil, args...); err == nil || !strings.Contains(err.Error(), "gatehouse --help") {
			t.Errorf("%v: %v", args, err)
		}
	}
	for _, args := range [][]string{{}, {"help"}, {"--help"}} { // everybody types one of these first
		if out, err := shell(t, nil, args...); err != nil || !strings.Contains(out, "GATEHOUSE_URL") || !strings.Contains(out, "break-glass") {
			t.Errorf("help by %v: %v %q", args, err, out)
		}
	}
	for command, of := range map[string]struct{ shows, hides []string }{
		"":                       {shows: []string{"GATEHOUSE_URL", "GATEHOUSE_SMTP_URL", "break-glass"}},
		"serve":                  {shows: []string{"--check", "GATEHOUSE_URL", "GATEHOUSE_SMTP_URL"}},
		"version":                {hides: []string{"GATEHOUSE_"}},
		"demo":                   {hides: []string{"GATEHOUSE_"}},
		"migrate":                {shows: []string{"GATEHOUSE_DATABASE", "GATEHOUSE_MASTER_KEY", "serve --help"}, hides: []string{"GATEHOUSE_LISTEN", "GATEHOUSE_BRAND_NAME"}},
		"setup":                  {shows: []string{"--organization", "--email", "GATEHOUSE_DATABASE", "GATEHOUSE_URL"}, hides: []string{"GATEHOUSE_SMTP_URL"}},
		"operator-tokens create": {shows: []string{"<name>", "--json", "GATEHOUSE_DATABASE"}, hides: []string{"GATEHOUSE_SMTP_URL"}},
	} {
		out, err := shell(t, nil, append(strings.Fields(command), "--help")...)
		if err != nil {
			t.Errorf("help about %q: %v", command, err)
		}
		for _, text := range of.shows {
			if !strings.Contains(out, text) {
				t.Errorf("help about %q does not show %s:\n%s", command, text, out)
			}
		}
		for _, text := range of.hides {
			if strings.Contains(out, text) {
				t.Errorf("help about %q shows %s:\n%s", command, text, out)
			}
		}
	}
}

func TestOddSettingsAreWarnedOf(t *testing.T) {
	t.Setenv("GATEHOUSE_LISTENS", "127.0.0.1:1")
	var s settings
	s.warnOfUnknown(nil)
	if !slices.Contains(s.warnings, "GATEHOUSE_LISTENS is not a setting of this version") {
		t.Errorf("warnings are %q", s.warnings)
	}
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o644: 1} {
		s := settings{}
		if got := s.fromFile("GATEHOUSE_MASTER_KEY", file(t, "key", goodKey, mode)); got != goodKey || len(s.warnings) != want {
			t.Errorf("mode %o: %q, warnings %q", mode, got, s.warnings)
		}
	}
}
