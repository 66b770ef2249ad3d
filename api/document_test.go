package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
)

// document is what this test reads of the OpenAPI document.
type document struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		OperationID string                     `json:"operationId"`
		Summary     string                     `json:"summary"`
		Description string                     `json:"description"`
		Security    []map[string][]string      `json:"security"`
		Responses   map[string]json.RawMessage `json:"responses"`
		Parameters  []struct {
			Name, Description string
			Required          bool
		} `json:"parameters"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct {
				Items struct{ Enum []string } `json:"items"`
			} `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

func TestDocumentDescribesEveryRoute(t *testing.T) {
	w := newWorld(t)
	answer := w.exchange(http.MethodGet, Document, nil).want(http.StatusOK)
	var d document
	answer.read(&d)
	if d.OpenAPI != "3.1.0" || answer.Header.Get("Content-Type") != "application/json" {
		t.Errorf("OpenAPI %s as %s", d.OpenAPI, answer.Header.Get("Content-Type"))
	}
	described, ids := []string{"GET " + Document}, map[string]bool{}
	for path, operations := range d.Paths {
		for method, op := range operations {
			pattern := strings.ToUpper(method) + " " + path
			described = append(described, pattern)
			if ids[op.OperationID] || op.Summary == "" || !strings.Contains(op.Description, "Asks for ") || len(op.Security) != 1 {
				t.Errorf("%s: described as %+v", pattern, op)
			}
			ids[op.OperationID] = true
			for _, status := range []string{"400", "401", "403", "404", "422", "429", "500", "503"} {
				if op.Responses[status] == nil {
					t.Errorf("%s: nothing about %s", pattern, status)
				}
			}
			for _, p := range op.Parameters {
				if p.Description == "" && p.Name != "connection" && p.Name != "state" && p.Name != "outcome" {
					t.Errorf("%s: nothing about %s", pattern, p.Name)
				}
			}
		}
	}
	var served []string
	for _, route := range w.api.Router().Routes() {
		served = append(served, route.Pattern)
	}
	slices.Sort(served)
	if slices.Sort(described); !slices.Equal(served, described) {
		t.Errorf("served %v\ndescribed %v", served, described)
	}
	if roles := d.Components.Schemas["NewAPIKeyBody"].Properties["roles"].Items.Enum; !slices.Equal(as[access.Role](roles), access.KeyRoles()) {
		t.Errorf("roles of keys: %v", roles)
	}
}

func TestReferenceSaysWhatTheDocumentSays(t *testing.T) {
	for _, r := range newWorld(t).api.Reference() {
		if r.Summary == "" || r.Status == "" || r.Permission == "" || len(r.Problems) < 8 || len(r.Parameters) == 0 && r.ID != "create-organization" || !strings.HasPrefix(r.Curl, "curl -sS "+publicURL+Base+"/organizations") {
			t.Errorf("%+v", r)
		}
		if r.ID == "create-api-key" && (len(r.Body) != 7 || r.Status != "201 Created" || !strings.Contains(r.Curl, `{"name":"ci","roles":["ProjectEditor"]}`)) {
			t.Errorf("%+v", r)
		}
	}
}

// W-25: when the store is broken, the answer is a problem that says nothing of the cause, which is logged once with the request's id.
func TestBrokenStore(t *testing.T) {
	w := newWorld(t)
	o := w.found("acme")
	o.send(http.MethodGet, "/projects", nil).want(http.StatusOK)
	w.ok(w.store.Close())
	p := o.send(http.MethodGet, "/projects", nil).problem(http.StatusInternalServerError, "internal_server_error")
	if strings.Contains(p.Detail, "sql") || !strings.Contains(w.log.String(), p.Request) {
		t.Errorf("%+v\n%s", p, w.log)
	}
}
