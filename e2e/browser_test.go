package e2e

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// TestBrowserFindsByRoleAndName shows the harness at work on a small page.
func TestBrowserFindsByRoleAndName(t *testing.T) {
	server := httptest.NewServer(door())
	t.Cleanup(server.Close)
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts %t", scripts), func(t *testing.T) {
			ada := NewPerson(t, "Ada")
			if !scripts {
				ada.WithoutScripts()
			}
			ada.Open(server.URL)
			ada.At("/")
			ada.Fill("Email", "ada@door.example")
			ada.Fill("Email", "grace@door.example") // replaces, does not append
			ada.Fill("Note", "")
			ada.Within("group", "Second choice").Choose("Yes")
			ada.Select("Colour", "Dark green")
			ada.DoNotSee("Hello")
			ada.Click("button", "Go on")

			// The next page has a field of the same name: it must be the one filled.
			ada.Fill("Email", "next page")
			ada.At("/next")
			ada.See("Hello grace@door.example, note “”, first “”, second “yes”, colour “g”")
			if got := ada.Value("Email"); got != "next page" {
				t.Errorf("the field holds %q", got)
			}
			ada.Lacks("button", "Go on")
			ada.Within("row", "ci").Click("link", "Revoke")
			ada.At("/revoke/ci")
		})
	}
}

func TestPeopleShareNoCookies(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, err := r.Cookie("seen")
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1"})
		fmt.Fprintf(w, "<title>Door</title><p>known: %t</p>", err == nil)
	}))
	t.Cleanup(server.Close)
	ada, grace := NewPerson(t, "Ada"), NewPerson(t, "Grace")
	ada.Open(server.URL)
	ada.See("known: false")
	ada.Open(server.URL)
	ada.See("known: true")
	grace.Open(server.URL)
	grace.See("known: false")
}

func TestScreenshots(t *testing.T) {
	server := httptest.NewServer(door())
	t.Cleanup(server.Close)
	ada := NewPerson(t, "Ada")
	ada.Open(server.URL)
	ada.Screenshot("door")
	pictures, err := filepath.Glob(filepath.Join(filepath.Dir(artefact(t, "x")), "Ada 01 door *.png"))
	if err != nil || len(pictures) != 4 {
		t.Fatalf("%d pictures, %v, want 4", len(pictures), err)
	}
	for _, picture := range pictures {
		if info, err := os.Stat(picture); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v, %v", picture, info, err)
		}
	}
}

// TestBrowserSignsInAtSimpleSAMLphp drives pages that nobody here wrote.
func TestBrowserSignsInAtSimpleSAMLphp(t *testing.T) {
	arrived := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			arrived <- r.PostFormValue("RelayState")
		}
		fmt.Fprint(w, "<title>Door</title><p>Arrived")
	}))
	t.Cleanup(server.Close)
	idp := StartSimpleSAMLphp(t, "localhost", "corp.example")
	idp.Register(t, doorMetadataAt(t, server.URL+"/acs"), Answers{SignResponse: true})

	alice := NewPerson(t, "Alice")
	alice.Open(idp.Tile(doorEntityID, "/projects"))
	alice.Fill("Username", idp.Alice.User)
	alice.Fill("Password", idp.Alice.Password)
	alice.Click("button", "Login")
	alice.At("/acs")
	alice.See("Arrived")
	if relayState := <-arrived; relayState != "/projects" {
		t.Errorf("RelayState %q", relayState)
	}
}

// door is a small site: a form, and a page that it leads to.
func door() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Door</title><meta name="color-scheme" content="light dark"><h1>Door</h1><form method="post" action="/next">
<label for="e">Email</label> <input id="e" name="email" value="old">
<label>Note <textarea name="note">before</textarea></label>
<fieldset><legend>First choice</legend><label><input type="radio" name="first" value="yes"> Yes</label></fieldset>
<fieldset><legend>Second choice</legend><label><input type="radio" name="second" value="yes"> Yes</label></fieldset>
<label>Colour <select name="colour"><option value="r">Red</option><option value="g">Dark green</option></select></label>
<p style="height:2000px">Far below:</p><button>Go on</button></form>`)
	})
	mux.HandleFunc("POST /next", func(w http.ResponseWriter, r *http.Request) {
		value := func(name string) string { return html.EscapeString(r.PostFormValue(name)) }
		fmt.Fprintf(w, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Next</title>
<p>Hello %s, note “%s”, first “%s”, second “%s”, colour “%s”</p><label>Email <input name="email"></label>
<table><tr><th>Key</th><th>Action</th></tr><tr><td>web</td><td><a href="/revoke/web">Revoke</a></td></tr><tr><td>ci</td><td><a href="/revoke/ci">Revoke</a></td></tr></table>`,
			value("email"), value("note"), value("first"), value("second"), value("colour"))
	})
	mux.HandleFunc("GET /revoke/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>Revoke</title><h1>Revoke</h1>`)
	})
	return mux
}
