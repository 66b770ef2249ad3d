package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// W-33: what is not one JSON object of known members, once each and of their types, is refused before anything is done, and 422 names all of it.
func TestW33_StrictJSON(t *testing.T) {
	o := newWorld(t).found("acme")
	for _, row := range []struct {
		name, body string
		status     int
		fields     []string
	}{
		{"no JSON", `{"name":`, 400, nil},
		{"two values", `{"name":"a"} {"name":"b"}`, 400, nil},
		{"not UTF-8", "{\"name\":\"\xff\"}", 400, nil},
		{"a NUL", `{"name":"a\u0000b"}`, 400, nil},
		{"a member twice", `{"name":"a","name":"b"}`, 400, nil},
		{"a member twice, escaped", `{"name":"a","n\u0061me":"b"}`, 400, nil},
		{"too deep", strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40), 400, nil},
		{"null for the object", `null`, 422, []string{""}},
		{"a list for the object", `[]`, 422, []string{""}},
		{"null for a string", `{"name":null}`, 422, []string{"name"}},
		{"null for what may be left out", `{"name":"a","kind":null}`, 422, []string{"kind"}},
		{"an object for a string", `{"name":{}}`, 422, []string{"name"}},
		{"a list for a string", `{"name":["a"]}`, 422, []string{"name"}},
		{"a number for a string", `{"name":7}`, 422, []string{"name"}},
		{"another case", `{"Name":"a"}`, 422, []string{"Name", "name"}},
		{"an unknown member", `{"name":"a","owner":"usr_1"}`, 422, []string{"owner"}},
		{"everything at once", `{"kind":"bucket","owner":null}`, 422, []string{"kind", "name", "owner"}},
		{"empty", ``, 400, nil},
	} {
		p := o.send(http.MethodPost, "/projects", row.body).problem(row.status, map[int]string{400: "not_json", 422: "invalid"}[row.status])
		var fields []string
		for _, m := range p.Errors {
			if row.status == 422 {
				fields = append(fields, m.Field)
			}
			if m.Detail == "" || strings.Contains(m.Detail, "usr_1") {
				t.Errorf("%s: %+v", row.name, m)
			}
		}
		if !slices.Equal(fields, row.fields) {
			t.Errorf("%s: fields %q, want %q", row.name, fields, row.fields)
		}
	}
	o.send(http.MethodPost, "/projects", `{"name":"honest","kind":"pod"}`).want(http.StatusCreated)
	page := o.send(http.MethodGet, "/projects", nil).want(http.StatusOK)
	if strings.Count(page.body, `"id"`) != 1 {
		t.Errorf("something was made: %s", page.body)
	}
}

func TestFormOfRequests(t *testing.T) {
	o := newWorld(t).found("acme")
	for query, field := range map[string]string{
		"limit=0": "limit", "limit=201": "limit", "limit=many": "limit", "limit=1&limit=2": "limit", "cursor=%21": "cursor", "cursor=b3JnXzE": "cursor", "colour=red": "colour", "search=%00": "", "search=%ff": "",
	} {
		p := o.send(http.MethodGet, "/members?"+query, nil).problem(http.StatusUnprocessableEntity, "invalid")
		if len(p.Errors) != 1 || p.Errors[0].Field != field {
			t.Errorf("%s: %+v", query, p.Errors)
		}
	}
	o.send(http.MethodGet, "/members?limit=200&search=own", nil).want(http.StatusOK)
	var found Page[Member]
	o.send(http.MethodGet, "/members?search=own&limit=1", nil).want(http.StatusOK).read(&found)
	for word, is := range map[string]bool{"owner": true, "own\x00er": false, "own\xff": false, "own\n": false} { // no text of PostgreSQL's
		answer := o.send(http.MethodGet, "/members?search=own&cursor="+cursor(word+"."+found.Data[0].ID), nil)
		if is {
			answer.want(http.StatusOK)
		} else if p := answer.problem(http.StatusUnprocessableEntity, "invalid"); p.Errors[0].Field != "cursor" {
			t.Errorf("%q: %+v", word, p.Errors)
		}
	}
	o.send(http.MethodPost, "/projects", `{"name":"a"}`, "Content-Type", "text/plain").want(http.StatusCreated) // the first one counts
	r := o.world.exchange(http.MethodPost, Base+"/organizations/"+o.Organization.ID+"/projects", nil, "Authorization", "Bearer "+o.token)
	r.problem(http.StatusBadRequest, "not_json")
	o.send(http.MethodPost, "/projects", `{"name":"`+strings.Repeat("a", bodyLimit)+`"}`).problem(http.StatusRequestEntityTooLarge, "request_entity_too_large")
	o.world.exchange(http.MethodPut, Base+"/organizations/"+o.Organization.ID+"/projects", nil).want(http.StatusMethodNotAllowed)
}
