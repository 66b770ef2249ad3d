package api

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Reference describes one operation for people, in the words of the OpenAPI document.
type Reference struct {
	ID, Noun              string
	Method, Path, Summary string
	About                 []string // paragraphs
	Permission            string
	Operator              bool // asks for an operator token instead
	Parameters, Body      []ReferenceField
	Status                string // of success: "201 Created"
	Answer                []ReferenceField
	Problems              []string // "404 Not Found"
	Curl                  string
}

// ReferenceField is a parameter, or a member of a body: "data[].name".
type ReferenceField struct {
	Name, Type, Help string
	Required         bool
}

// Reference describes all operations, noun by noun, in the order in which they were written down.
func (a *API) Reference() []Reference {
	all := make([]Reference, len(a.operations))
	for i, op := range a.operations {
		all[i] = a.reference(op, a.documented(op))
	}
	return all
}

// documented is the operation as the document has it.
func (a *API) documented(op operation) *huma.Operation {
	path := a.huma.OpenAPI().Paths[op.fullPath()]
	return map[string]*huma.Operation{http.MethodGet: path.Get, http.MethodPost: path.Post, http.MethodPut: path.Put,
		http.MethodPatch: path.Patch, http.MethodDelete: path.Delete}[op.method]
}

func (a *API) reference(op operation, d *huma.Operation) Reference {
	r := Reference{ID: op.id, Noun: op.noun, Method: op.method, Path: op.fullPath(), Summary: op.summary,
		About: strings.Split(strings.ReplaceAll(op.about, "`", ""), "\n\n"), Permission: string(op.permission), Operator: op.operator}
	for _, p := range d.Parameters {
		r.Parameters = append(r.Parameters, ReferenceField{p.Name, p.In + ", " + typeWords(p.Schema), p.Description, p.Required})
	}
	if d.RequestBody != nil {
		r.Body = a.fields("", d.RequestBody.Content["application/json"].Schema)
	}
	for _, status := range slices.Sorted(maps.Keys(d.Responses)) {
		code, _ := strconv.Atoi(status)
		words := status + " " + http.StatusText(code)
		if code >= http.StatusBadRequest {
			r.Problems = append(r.Problems, words)
			continue
		}
		r.Status = words
		if content := d.Responses[status].Content["application/json"]; content != nil {
			r.Answer = a.fields("", content.Schema)
		}
	}
	r.Curl = a.curl(op, d)
	return r
}

// resolved is the schema that s refers to, or s itself.
func (a *API) resolved(s *huma.Schema) *huma.Schema {
	if s.Ref != "" {
		return a.huma.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// fields are the members of an object, those of the objects in it under its name.
func (a *API) fields(prefix string, s *huma.Schema) []ReferenceField {
	s = a.resolved(s)
	var all []ReferenceField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		member := s.Properties[name]
		inner, suffix := a.resolved(member), ""
		if inner.Type == huma.TypeArray {
			inner, suffix = a.resolved(inner.Items), "[]"
		}
		if len(inner.Properties) > 0 {
			all = append(all, a.fields(prefix+name+suffix+".", inner)...)
			continue
		}
		all = append(all, ReferenceField{prefix + name, typeWords(member), member.Description, slices.Contains(s.Required, name)})
	}
	return all
}

// typeWords is a schema in a few words: "string, one of domain, everyone".
func typeWords(s *huma.Schema) string {
	if s.Type == huma.TypeArray && s.Items != nil {
		return "list of " + typeWords(s.Items)
	}
	words := s.Type
	if s.Format == "date-time" {
		words = "RFC 3339 time"
	}
	if len(s.Enum) > 0 {
		var values []string
		for _, value := range s.Enum {
			values = append(values, value.(string))
		}
		words += ", one of " + strings.Join(values, ", ")
	}
	return cmp.Or(words, "any")
}

// curl is a line to try the operation with.
func (a *API) curl(op operation, d *huma.Operation) string {
	lines := []string{"curl -sS " + a.URL.JoinPath(op.fullPath()).String()}
	if op.method != http.MethodGet {
		lines[0] += " -X " + op.method
	}
	lines[0] = strings.NewReplacer("%7B", "{", "%7D", "}").Replace(lines[0])
	lines = append(lines, `  -H "Authorization: Bearer `+map[bool]string{false: "$GATEHOUSE_TOKEN", true: "$GATEHOUSE_OPERATOR_TOKEN"}[op.operator]+`"`)
	if op.versioned {
		lines = append(lines, `  -H 'If-Match: "1"'`)
	}
	if op.creates {
		lines = append(lines, `  -H "Idempotency-Key: $(uuidgen)"`)
	}
	if d.RequestBody != nil {
		text, _ := json.Marshal(a.example(d.RequestBody.Content["application/json"].Schema)) // of texts, numbers and lists
		lines = append(lines, "  -H 'Content-Type: application/json' -d '"+string(text)+"'")
	}
	return strings.Join(lines, " \\\n")
}

// example is a value of the schema: of an object the members that it must have, else all that have an example.
func (a *API) example(s *huma.Schema) any {
	s = a.resolved(s)
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type == huma.TypeBoolean:
		return true
	case s.Type == huma.TypeInteger:
		return 3600
	case s.Type == huma.TypeArray:
		return []any{a.example(s.Items)}
	}
	object := map[string]any{}
	for name, member := range s.Properties {
		if slices.Contains(s.Required, name) || len(s.Required) == 0 && len(member.Examples) > 0 {
			object[name] = a.example(member)
		}
	}
	return object
}
