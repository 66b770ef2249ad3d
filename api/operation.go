package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/web"
)

// operation is one line of the admin API.
type operation struct {
	id, noun string // "list-projects", "Projects"
	method   string
	path     string // under an organization: "/projects/{project}"; of the operator's, under all of them
	summary  string
	about    string

	permission  access.Permission
	inProject   bool               // the permission is one in the {project} of the path
	operator    bool               // asks for an operator token, not for a permission
	entitlement access.Entitlement // of the plan, beside service accounts

	creates   bool // takes an Idempotency-Key
	versioned bool // asks for If-Match
	conflicts bool // may answer 409
	large     bool // takes metadata, which is larger than other bodies
	status    int  // of success; 0: 200
}

// organizationPath is where every operation stands that a service account calls.
const organizationPath = Base + "/organizations/{organization}"

// add makes an operation a route and a part of the document. Its handler runs behind the door.
func add[I, O any](a *API, op operation, do func(*call, *I) (*O, error)) {
	a.operations = append(a.operations, op)
	huma.Register(a.huma, a.described(op), func(ctx context.Context, in *I) (*O, error) {
		c := ctx.Value(callKey{}).(*call)
		out, err := do(c, in)
		if err != nil {
			p := c.problemOf(err)
			p.Request = web.RequestInfo(c.r).ID
			return nil, p
		}
		return out, nil
	})
	a.describe(op)
}

// described is the operation as the document has it, with every status that it can answer.
func (a *API) described(op operation) huma.Operation {
	return huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.fullPath(), Summary: op.summary, Tags: []string{op.noun},
		Description:   op.about + "\n\n" + op.asks(),
		DefaultStatus: cmp.Or(op.status, http.StatusOK), Errors: op.errors(), Security: []map[string][]string{{op.principal(): {}}},
		Middlewares: huma.Middlewares{a.admit(op)}, BodyReadTimeout: -1, MaxBodyBytes: op.bodyLimit() + 1,
	}
}

// fullPath is where it stands.
func (op operation) fullPath() string {
	if op.operator {
		return Base + "/organizations" + op.path
	}
	return organizationPath + op.path
}

// asks says what whoever calls it must hold.
func (op operation) asks() string {
	switch {
	case op.operator:
		return "Asks for an operator token."
	case op.inProject:
		return "Asks for the permission `" + string(op.permission) + "` in the project."
	}
	return "Asks for the permission `" + string(op.permission) + "`."
}

// principal is the security scheme of whoever calls it.
func (op operation) principal() string {
	if op.operator {
		return "operator"
	}
	return "serviceAccount"
}

// bodyLimit is how many bytes a request may carry.
func (op operation) bodyLimit() int64 {
	if op.large {
		return largeLimit
	}
	return bodyLimit
}

// errors are the statuses of problems that can occur, in order.
func (op operation) errors() []int {
	all := []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if op.versioned {
		all = append(all, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	if op.creates || op.conflicts {
		all = append(all, http.StatusConflict)
	}
	slices.Sort(all)
	return all
}

// InOrganization is the path of every operation.
type InOrganization struct {
	Organization string `path:"organization" doc:"The organization's id: the service account's own." example:"org_01jd9k5a3m8y2v4q6w8r0t2b4p"`
}

// InProject is the path of operations within a project.
type InProject struct {
	InOrganization
	Project string `path:"project" doc:"The project's id." example:"prj_01jd9k5a3m8y2v4q6w8r0t2b4p"`
}

// Versioned is the condition of every change to what two could change at once.
type Versioned struct {
	IfMatch string `header:"If-Match" required:"true" doc:"The ETag that was read (\"7\"), so that nobody's change is lost; * for whatever is there now." example:"\"7\""`
}

// of turns the condition into the version to change: 412 when that is no longer the present one.
func (v Versioned) of(present int64) (int64, error) {
	if v.IfMatch == "*" || v.IfMatch == etag(present) {
		return present, nil
	}
	return 0, problem(http.StatusPreconditionFailed, "version_moved", "It has changed since it was read. Read it again and decide anew.")
}

// Repeatable lets a request that makes something be sent again.
type Repeatable struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Up to 255 characters of your choice, new for each thing to make. Sent again within 24 hours with the same request, the answer is the same, to the byte, and nothing is made twice." example:"b3c1d5e0-7f6a-4a39-9a1e-2f1c0d9e8b7a"`
}

// One is the answer with one thing.
type One[T any] struct {
	ETag string `header:"ETag" doc:"Its version, for If-Match."`
	Body T
}

// Made is the answer with one thing that was made.
type Made[T any] struct {
	ETag     string `header:"ETag" doc:"Its version, for If-Match."`
	Location string `header:"Location" doc:"Where it is."`
	Body     T
}

// Many is the answer with a page of things.
type Many[T any] struct{ Body Page[T] }

// Page is a part of a collection.
type Page[T any] struct {
	Data []T    `json:"data"`
	Next string `json:"next,omitempty" doc:"Where to go on, as the parameter cursor; absent at the end."`
}

// Done is the answer when nothing is left to say.
type Done struct{}

// etag is a version as HTTP compares it.
func etag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

func one[T any](version int64, body T) (*One[T], error) {
	return &One[T]{ETag: etag(version), Body: body}, nil
}

// made is the answer with what now stands below the organization at path.
func made[T any](c *call, path string, version int64, body T) *Made[T] {
	return &Made[T]{ETag: etag(version), Location: Base + "/organizations/" + c.organization.ID + path, Body: body}
}
