package demo

import "text/template"

// guide is what the demonstration says once everything stands.
var guide = template.Must(template.New("guide").Parse(`
Gatehouse is running with everything around it, on this machine alone.
It is all made up, and gone when you press Ctrl-C.

  Gatehouse            {{.Gatehouse}}
  Identity provider    {{.IdentityProvider}}   (Tidewater's own: three people, no passwords)
  An API behind it     {{.API}}

Sign in as an employee
  1. Open {{.Gatehouse}}/login and type {{.Employee.Email}}
  2. Tidewater requires single sign-on, so you land at its identity provider: pick {{.Employee.Name}}.
     This is the first time: Gatehouse makes the user, a member with the default role.

Sign in from the company's dashboard
  Open {{.IdentityProvider}} and click the Gatehouse tile.

Look at it as the owner
  Sign in as {{.Owner.Email}}, who connected the identity provider, proved the domain and required single sign-on.
  {{.Gatehouse}}/organizations/{{.OrganizationID}}/events tells the story.

Call the API with a key that may only read data
  curl -H 'Authorization: Bearer {{.Key}}' {{.API}}/indexes/harbour/query
  curl -H 'Authorization: Bearer {{.Key}}' -X POST {{.API}}/indexes     (forbidden)
  curl {{.Gatehouse}}/v1/keys/self -H 'Authorization: Bearer {{.Key}}'

Make keys, rotate and revoke them, as {{.Owner.Email}}
  {{.Gatehouse}}/organizations/{{.OrganizationID}}/projects/{{.ProjectID}}/api-keys
  Revoke “demo reader” there and call the API again: two seconds later it is refused
  (Gatehouse refuses it within one; the API keeps an answer for another).

When the identity provider is down
  {{.Gatehouse}}/login/recovery lets the break-glass owner in: {{.Owner.Email}}, recovery code {{.RecoveryCode}}

`))

// sample is what the guide speaks of.
type sample struct {
	Gatehouse, IdentityProvider, API string
	Owner, Employee                  Person
	OrganizationID, ProjectID        string
	Key, RecoveryCode                string
}
