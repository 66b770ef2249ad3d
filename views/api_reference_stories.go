package views

import "net/http"

func apiReferenceStories() []Story {
	problems := []string{"400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "422 Unprocessable Entity"}
	organization := APIField{"organization", "path, string", "The organization's id: the service account's own.", true}
	create := APIOperation{
		ID: "create-api-key", Method: "POST", Path: "/api/v1/organizations/{organization}/projects/{project}/api-keys", Summary: "Create an API key",
		About: []string{"The answer holds the key's text, once."}, Permission: "project:keys:manage",
		Parameters: []APIField{organization, {"project", "path, string", "The project's id.", true}, {"Idempotency-Key", "header, string", "Up to 255 characters of your choice.", false}},
		Body:       []APIField{{"name", "string", "Unique among the live keys of the project.", true}, {"roles", "list of string, one of ProjectEditor, ProjectViewer, ControlPlaneEditor, ControlPlaneViewer, DataPlaneEditor, DataPlaneViewer", "", true}},
		Status:     "201 Created", Answer: []APIField{{"key", "string", "The key's text. It is shown in this answer and nowhere else.", true}, {"expires_at", "RFC 3339 time", "Absent: never.", false}},
		Problems: problems,
		Curl:     "curl -sS https://gatehouse.example.com/api/v1/organizations/{organization}/projects/{project}/api-keys -X POST \\\n  -H \"Authorization: Bearer $GATEHOUSE_TOKEN\" \\\n  -H 'Content-Type: application/json' -d '{\"name\":\"ci\",\"roles\":[\"ProjectEditor\"]}'",
	}
	revoke := APIOperation{
		ID: "revoke-api-key", Method: "DELETE", Path: create.Path + "/{key}", Summary: "Revoke an API key", About: []string{"Every program that uses it is refused within a second."},
		Permission: "project:keys:manage", Parameters: create.Parameters[:2], Status: "204 No Content", Problems: problems,
		Curl: "curl -sS https://gatehouse.example.com" + create.Path + "/{key} -X DELETE \\\n  -H \"Authorization: Bearer $GATEHOUSE_TOKEN\"",
	}
	signedOut := APIReferencePage{Page: storyPage("Admin API"), Action: "/api/v1", Document: "/api/v1/openapi.json",
		Nouns: []APINoun{{"API keys", []APIOperation{create, revoke}}}}
	signedIn, none := signedOut, signedOut
	signedIn.Person = "Ada Lovelace"
	signedIn.Search, signedIn.Clear = "key", "/api/v1"
	none.Search, none.Clear, none.Nouns = "teapot", "/api/v1", nil
	return []Story{
		{"api-reference/all", "Admin API: every operation", APIReference(signedOut), http.StatusOK},
		{"api-reference/search", "Admin API: found by a search", APIReference(signedIn), http.StatusOK},
		{"api-reference/none", "Admin API: nothing found", APIReference(none), http.StatusOK},
	}
}
