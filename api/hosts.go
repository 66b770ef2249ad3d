package api

import (
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) hostOperations() {
	const list, single = "/projects/{project}/hosts", "/projects/{project}/hosts/{host}"
	in := func(op operation) operation {
		op.noun, op.inProject = "Hosts", true
		if op.permission == "" {
			op.permission = access.ManageProject
		}
		return op
	}
	add(a, in(operation{id: "list-hosts", method: http.MethodGet, path: list, permission: access.ReadProjectSettings,
		summary: "List hosts", about: "Names under which a proxy serves the project's program, and where people arrive with a session; the oldest first. A project has at most 20."}), (*call).hosts)
	add(a, in(operation{id: "register-host", method: http.MethodPost, path: list, creates: true, status: http.StatusCreated,
		summary: "Register a host", about: "Each host is registered once in the installation, and not on a domain that another organization has verified."}), (*call).registerHost)
	add(a, in(operation{id: "get-host", method: http.MethodGet, path: single, permission: access.ReadProjectSettings,
		summary: "Get a host", about: "One host of the project."}), (*call).host)
	add(a, in(operation{id: "release-host", method: http.MethodDelete, path: single, status: http.StatusNoContent,
		summary: "Release a host", about: "Whoever is signed in there is signed out there at once. Anybody can register it again."}), (*call).releaseHost)
}

// Host is a name under which a proxy serves the project's program.
type Host struct {
	ID        string    `json:"id" example:"hst_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Name      string    `json:"name" doc:"In lower case, international ones in A-labels; with a port unless it is the usual one."`
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
}

func showHost(h store.Host) Host { return Host{h.ID, h.Name, h.CreatedBy, h.CreatedAt.UTC()} }

// OneHost is the answer with one host; it has no version.
type OneHost struct{ Body Host }

// NewHost is the answer with one that was registered.
type NewHost struct {
	Location string `header:"Location" doc:"Where it is."`
	Body     Host
}

// InHost is the path of one host.
type InHost struct {
	InProject
	Host string `path:"host" doc:"The host's id."`
}

func (c *call) hosts(in *struct {
	InProject
	OnPage
},
) (*Many[Host], error) {
	all, err := c.scope.Hosts(c.ctx, c.project.ID)
	if err != nil {
		return nil, err
	}
	return pageOf(in.OnPage, "hst", all, func(h store.Host) string { return h.ID }, showHost)
}

// HostToRegister is a host as it is asked for.
type HostToRegister struct {
	InProject
	Repeatable
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"260" example:"app.example.com" doc:"What people type in front of the path."`
	}
}

func (c *call) registerHost(in *HostToRegister) (*NewHost, error) {
	h, err := c.scope.RegisterHost(c.ctx, c.actor(), c.project.ID, in.Body.Name, c.URL)
	if err != nil {
		return nil, err
	}
	return &NewHost{Location: Base + "/organizations/" + c.organization.ID + "/projects/" + c.project.ID + "/hosts/" + h.ID, Body: showHost(h)}, nil
}

func (c *call) host(in *InHost) (*OneHost, error) {
	h, err := c.scope.Host(c.ctx, c.project.ID, in.Host)
	if err != nil {
		return nil, err
	}
	return &OneHost{showHost(h)}, nil
}

func (c *call) releaseHost(in *InHost) (*Done, error) {
	return &Done{}, c.scope.ReleaseHost(c.ctx, c.actor(), c.project.ID, in.Host)
}
