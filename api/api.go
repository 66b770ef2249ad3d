package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/web"
)

// Base is the path that every route of the admin API begins with; Document is where it describes itself.
const (
	Base     = "/api/v1"
	Document = Base + "/openapi.json"
)

// bodyLimit is how many bytes a request may carry, and largeLimit one that carries metadata.
const bodyLimit, largeLimit = 64 << 10, 512 << 10

// Options are what the admin API stands on. All are needed.
type Options struct {
	URL      *url.URL // public base
	Store    *store.Store
	Gate     *gate.Gate
	Outbound *outbound.Guard // looks up the records that prove domains
	Log      *slog.Logger

	// EntityID and ACS (SAML), Callback, Initiation and KeysURL (OpenID Connect) are our addresses for a connection.
	EntityID, ACS, Callback func(store.Connection) string
	Initiation, KeysURL     func(connection string) string
	// RunAgain reads the stored message of an organization's login once more: words alone come out. [store.ErrConflict] where it cannot be read again.
	RunAgain func(ctx context.Context, organization, login string) ([]store.LoginStep, *trust.Refusal, error)
}

// API is the admin API.
type API struct {
	Options
	operations []operation
	router     *web.Router
	huma       huma.API
	now        func() time.Time
	guesses    *web.Limiter // at tokens, from one address prefix
	lookups    *web.Limiter // in the outside world, for one domain or organization
}

// New is the admin API with all its routes.
func New(o Options) (*API, error) {
	a := &API{Options: o, router: web.NewRouter(answerProblem), now: o.Store.Now}
	var err error
	if a.guesses, err = web.NewLimiter(a.now, web.Rate{Count: 20, Per: time.Minute}); err != nil {
		return nil, err
	}
	if a.lookups, err = web.NewLimiter(a.now, web.Rate{Count: 20, Per: time.Minute}); err != nil {
		return nil, err
	}
	a.huma = huma.NewAPI(a.config(), mount{a.router})
	for _, noun := range []func(){
		a.operatorOperations, a.organizationOperations, a.projectOperations, a.projectMemberOperations, a.hostOperations, a.apiKeyOperations, a.keyPolicyOperations, a.usageOperations,
		a.memberOperations, a.memberSessionOperations, a.waitingLinkOperations, a.inviteOperations, a.roleBindingOperations,
		a.serviceAccountOperations, a.connectionOperations, a.setupLinkOperations, a.domainOperations, a.routingOperations, a.policyOperations, a.roleSourceOperations, a.sessionPolicyOperations, a.breakGlassOperations, a.webhookOperations, a.loginOperations, a.eventOperations,
	} {
		noun()
	}
	a.serveDocument()
	return a, nil
}

// Router leads to the operations and to the document about them.
func (a *API) Router() *web.Router { return a.router }

// mount puts huma's operations on our router, so that what holds for every route of ours holds for these.
type mount struct{ *web.Router }

func (m mount) Handle(op *huma.Operation, handler func(huma.Context)) {
	route := web.Route{Pattern: op.Method + " " + op.Path, Body: web.NoBody}
	if op.RequestBody != nil {
		route.Body, route.BodyLimit = web.JSONBody, op.MaxBodyBytes-1
	}
	m.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) { handler(humago.NewContext(op, r, w)) })
}
