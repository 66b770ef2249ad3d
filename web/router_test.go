package web

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestW01_CrossOriginWritesAreRefused(t *testing.T) {
	h := newHouse(t, "https://"+host)
	for name, c := range map[string]struct {
		path   string
		header []string
		status int
	}{
		"same origin":                    {"/form", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		"typed by the person":            {"/form", []string{"Sec-Fetch-Site", "none"}, 200},
		"program":                        {"/form", nil, 200},
		"same origin, old browser":       {"/form", []string{"Origin", "https://" + host}, 200},
		"cross-site":                     {"/form", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"same site, other host":          {"/form", []string{"Sec-Fetch-Site", "same-site"}, 403},
		"other origin, old browser":      {"/form", []string{"Origin", "https://evil.test"}, 403},
		"opaque origin, old browser":     {"/form", []string{"Origin", "null"}, 403},
		"exempt route":                   {"/saml/con_1/acs", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://idp.test"}, 200},
		"beside the exempt route":        {"/saml/con_1/acs/", []string{"Sec-Fetch-Site", "cross-site"}, 404},
		"exempt pattern but another one": {"/json", []string{"Sec-Fetch-Site", "cross-site"}, 403},
	} {
		if answer := h.ask(request("POST", c.path, "", c.header...)); answer.Code != c.status {
			t.Errorf("%s: %d, want %d", name, answer.Code, c.status)
		}
	}
}

func TestW16_ContentTypesAndSizes(t *testing.T) {
	h := newHouse(t, "https://"+host)
	fields := func(n int) string { return strings.TrimSuffix(strings.Repeat("a=b&", n), "&") }
	for name, c := range map[string]struct {
		path, kind, body string
		status           int
	}{
		"form":                        {"/form", formType, "a=b", 200},
		"form with charset":           {"/form", formType + "; charset=utf-8", "a=b", 200},
		"no body":                     {"/form", "", "", 200},
		"body without a type":         {"/form", "", "a=b", 415},
		"JSON where a form belongs":   {"/form", "application/json", "{}", 415},
		"form where JSON belongs":     {"/json", formType, "a=b", 415},
		"JSON":                        {"/json", "application/json", "{}", 200},
		"multipart elsewhere":         {"/form", "multipart/form-data; boundary=x", "--x--\r\n", 415},
		"form where files are taken":  {"/upload", formType, "a=b", 200},
		"50 fields":                   {"/form", formType, fields(50), 200},
		"51 fields":                   {"/form", formType, fields(51), 400},
		"broken escape":               {"/form", formType, "a=%zz", 400},
		"not text":                    {"/form", formType, "a=%ff", 400},
		"NUL":                         {"/form", formType, "a=b%00", 400},
		"NUL in a name":               {"/form", formType, "a%00=b", 400},
		"512 KiB":                     {"/form", formType, "a=" + strings.Repeat("b", 512<<10-2), 200},
		"512 KiB and one":             {"/form", formType, "a=" + strings.Repeat("b", 512<<10-1), 413},
		"the route's own limit":       {"/small", formType, "a=bcdefgh!", 200},
		"over the route's own limit":  {"/small", formType, "a=bcdefgh!!", 413},
		"body where none is expected": {"/nowhere", formType, "a=b", 404},
	} {
		r := request("POST", c.path, c.body)
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		if answer := h.ask(r); answer.Code != c.status {
			t.Errorf("%s: %d, want %d", name, answer.Code, c.status)
		}
	}
}

func TestW16_LengthThatIsNotSaidIsCounted(t *testing.T) {
	h := newHouse(t, "https://"+host)
	for body, status := range map[string]int{"a=bcdefgh!": 200, "a=bcdefgh!!": 413} {
		r := request("POST", "/small", body, "Content-Type", formType)
		r.ContentLength = -1
		if answer := h.ask(r); answer.Code != status {
			t.Errorf("%d bytes: %d, want %d", len(body), answer.Code, status)
		}
	}
}

func TestMethodNotAllowedNamesThoseThatAre(t *testing.T) {
	answer := newHouse(t, "https://"+host).ask(request("DELETE", "/form", ""))
	if answer.Code != 405 || answer.Header().Get("Allow") != "POST" || !strings.HasPrefix(answer.Body.String(), "problem") {
		t.Errorf("%d %q %q", answer.Code, answer.Header().Get("Allow"), answer.Body)
	}
}

func TestRoutesAreListed(t *testing.T) {
	router := NewRouter(nil)
	router.HandleFunc(Route{Pattern: "GET /a"}, Healthy)
	router.HandleFunc(Route{Pattern: "POST /b", CrossOrigin: true}, Healthy)
	want := []Route{{Pattern: "GET /a"}, {Pattern: "POST /b", CrossOrigin: true}}
	if got := router.Routes(); !slices.Equal(got, want) {
		t.Errorf("routes are %v", got)
	}
}

func TestFormFields(t *testing.T) {
	var form Fields
	ask(t, Route{Pattern: "POST /form"}, request("POST", "/form?name=query", "name=+Ada+&password=+x+&role=a&role=+b&role=&on=on", "Content-Type", formType), &form)
	if form.Text("name") != "Ada" || form.Raw("password") != " x " || form.Text("missing") != "" {
		t.Errorf("name %q, password %q", form.Text("name"), form.Raw("password"))
	}
	if got := form.All("role"); !slices.Equal(got, []string{"a", "b"}) || form.Count("role") != 3 {
		t.Errorf("roles %q, %d", got, form.Count("role"))
	}
	if _, once := form.Once("role"); once || !form.Checked("on") || form.Checked("off") {
		t.Error("role was sent thrice, on once, off never")
	}
	if name, once := form.Once("name"); !once || name != " Ada " {
		t.Errorf("once: %q %v", name, once)
	}
}

func TestUpload(t *testing.T) {
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	if err := writer.WriteField("name", "Okta"); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"metadata": "<EntityDescriptor/>", "empty": ""} {
		part, err := writer.CreateFormFile(name, name+".xml")
		if err == nil {
			_, err = part.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	var form Fields
	ask(t, Route{Pattern: "POST /form", Body: MultipartBody}, request("POST", "/form", body.String(), "Content-Type", writer.FormDataContentType()), &form)
	if form.Text("name") != "Okta" || string(form.File("metadata")) != "<EntityDescriptor/>" || form.File("empty") != nil || form.File("none") != nil {
		t.Errorf("name %q, metadata %q", form.Text("name"), form.File("metadata"))
	}
}

// ask answers r on one route and hands out the form that its handler got.
func ask(t *testing.T, route Route, r *http.Request, form *Fields) {
	t.Helper()
	router := NewRouter(func(_ http.ResponseWriter, _ *http.Request, status int) { t.Errorf("refused with %d", status) })
	router.HandleFunc(route, func(_ http.ResponseWriter, r *http.Request) { *form = Form(r) })
	_, r = enter(r)
	router.ServeHTTP(nil, r)
}

// A route without a wildcard is found as the mux finds it.
func TestExactRoutes(t *testing.T) {
	routes := NewRouter(func(w http.ResponseWriter, _ *http.Request, status int) { w.WriteHeader(status) })
	routes.HandleFunc(Route{Pattern: "GET /a/b"}, func(w http.ResponseWriter, r *http.Request) { plain(w, http.StatusOK, RequestInfo(r).Route) })
	routes.HandleFunc(Route{Pattern: "GET /a/{wild}"}, func(w http.ResponseWriter, r *http.Request) { plain(w, http.StatusOK, RequestInfo(r).Route) })
	for asked, want := range map[string]string{
		"GET /a/b": "200 GET /a/b", "HEAD /a/b": "200 GET /a/b", "GET /a/%62": "200 GET /a/b", "GET /a/c": "200 GET /a/{wild}",
		"GET /a%2Fb": "404 ", "GET /a/b/": "404 ", "POST /a/b": "405 ", "GET /A/b": "404 ",
	} {
		method, path, _ := strings.Cut(asked, " ")
		answer := httptest.NewRecorder()
		_, r := enter(httptest.NewRequest(method, path, nil))
		routes.ServeHTTP(answer, r)
		if got := fmt.Sprintf("%d %s", answer.Code, strings.TrimSpace(answer.Body.String())); got != want {
			t.Errorf("%s: %q, want %q", asked, got, want)
		}
	}
}
