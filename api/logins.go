package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func (a *API) loginOperations() {
	add(a, operation{id: "list-logins", noun: "Logins", method: http.MethodGet, path: "/logins", permission: access.ManageSSO, entitlement: access.EntitledSSO,
		summary: "List logins", about: "Attempts to sign in through a connection, the newest first, without their steps."}, (*call).logins)
	add(a, operation{id: "get-login", noun: "Logins", method: http.MethodGet, path: "/logins/{login}", permission: access.ManageSSO, entitlement: access.EntitledSSO,
		summary: "Get a login", about: "With every check that was made, and who can mend what was refused."}, (*call).login)
	add(a, operation{id: "run-login-again", noun: "Logins", method: http.MethodPost, path: "/logins/{login}/run-again", permission: access.ManageSSO, entitlement: access.EntitledSSO,
		summary: "Run a login again", about: "Reads the message of a login, which is kept for seven days, once more by the connection's present settings, as at the time it arrived. " +
			"Nobody is signed in and nothing changes; that it was done is an event."}, (*call).runLoginAgain)
}

// Login is one attempt to sign in, from the first redirect to the last.
type Login struct {
	ID         string           `json:"id" example:"log_01jd9k5a3m8y2v4q6w8r0t2b4p" doc:"The reference that people are shown."`
	Connection string           `json:"connection"`
	Kind       store.LoginKind  `json:"kind" doc:"real, or test: an owner's, which opens nothing."`
	StartedBy  store.LoginStart `json:"started_by" doc:"sp (our page), handshake (an unsolicited response) or idp (a message that belongs to no login of ours)."`
	State      store.LoginState `json:"state" doc:"pending, arrived, finished or refused."`
	UserID     string           `json:"user_id,omitempty"`
	Email      string           `json:"email,omitempty" doc:"What the identity provider said; of a refused login nobody has vouched for it."`
	Subject    string           `json:"subject,omitempty" doc:"The same."`
	Reason     trust.Reason     `json:"reason,omitempty" doc:"Why it was refused."`
	Party      trust.Party      `json:"who_mends_it,omitempty" doc:"our_admin, idp_admin, person or us."`
	Fix        string           `json:"fix,omitempty" doc:"What to change, and where."`
	Want       string           `json:"want,omitempty"`
	Got        string           `json:"got,omitempty"`
	Outcome    string           `json:"outcome,omitempty" doc:"What a finished one came to."`
	Count      int              `json:"count" doc:"How many alike this record stands for."`
	Address    string           `json:"address,omitempty"`
	UserAgent  string           `json:"user_agent,omitempty"`
	CreatedAt  time.Time        `json:"created_at"`
	EndedAt    *time.Time       `json:"ended_at,omitempty"`
	Steps      []LoginStep      `json:"steps,omitempty" nullable:"false"`
}

// LoginStep is one check of a login.
type LoginStep struct {
	Number  int       `json:"number"`
	Name    string    `json:"name"`
	Verdict string    `json:"verdict" doc:"passed, refused or noted."`
	Want    string    `json:"want,omitempty"`
	Got     string    `json:"got,omitempty"`
	At      time.Time `json:"at"`
}

func showLogin(l store.Login) Login {
	shown := Login{ID: l.ID, Connection: l.ConnectionID, Kind: l.Kind, StartedBy: l.StartedBy, State: l.State, UserID: l.UserID, Email: l.Email, Subject: l.Subject,
		Reason: l.Reason, Want: l.Want, Got: l.Got, Outcome: l.Outcome, Count: l.Count, Address: l.Address, UserAgent: l.UserAgent, CreatedAt: l.CreatedAt, EndedAt: l.EndedAt}
	if l.Reason != "" {
		shown.Party, shown.Fix = l.Reason.Party(), l.Reason.Fix()
	}
	for _, s := range l.Steps {
		shown.Steps = append(shown.Steps, LoginStep(s))
	}
	return shown
}

func (c *call) logins(in *struct {
	InOrganization
	OnPage
	Search     string `query:"search" maxLength:"200" doc:"A whole reference (log_…), a whole address, or a part of one, which is looked for among the newest 1,000 logins."`
	Connection string `query:"connection" maxLength:"64"`
	State      string `query:"state" enum:"pending,arrived,finished,refused"`
},
) (*Many[Login], error) {
	before, err := in.after("log")
	if err != nil {
		return nil, err
	}
	rows, err := c.scope.Logins(c.ctx, store.LoginFilter{Search: in.Search, ConnectionID: in.Connection, State: store.LoginState(in.State), Before: before, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return page(in.OnPage, rows, func(l store.Login) string { return l.ID }, showLogin), nil
}

// InLogin is the path of one login.
type InLogin struct {
	InOrganization
	Login string `path:"login" doc:"The login's id: the reference that people are shown."`
}

// OneLogin is the answer with one login.
type OneLogin struct{ Body Login }

func (c *call) login(in *InLogin) (*OneLogin, error) {
	l, err := c.scope.Login(c.ctx, in.Login)
	if err != nil {
		return nil, err
	}
	return &OneLogin{showLogin(l)}, nil
}

// LoginVerdict is what a stored message comes to by the present settings.
type LoginVerdict struct {
	Passes bool         `json:"passes"`
	Reason trust.Reason `json:"reason,omitempty" doc:"Why it would be refused."`
	Party  trust.Party  `json:"who_mends_it,omitempty" doc:"our_admin, idp_admin, person or us."`
	Fix    string       `json:"fix,omitempty"`
	Want   string       `json:"want,omitempty"`
	Got    string       `json:"got,omitempty"`
	Steps  []LoginStep  `json:"steps" nullable:"false"`
}

// OneVerdict is the answer with it.
type OneVerdict struct{ Body LoginVerdict }

func (c *call) runLoginAgain(in *InLogin) (*OneVerdict, error) {
	steps, refusal, err := c.RunAgain(c.ctx, c.organization.ID, in.Login)
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, "cannot_run_again", "This answer stopped before its signature was found good, and codes and signatures are not kept. Run a new test.")
	}
	if err != nil {
		return nil, err
	}
	out := &OneVerdict{LoginVerdict{Passes: refusal == nil, Steps: []LoginStep{}}}
	verdict := "it would pass"
	if refusal != nil {
		verdict = "it would be refused: " + string(refusal.Reason)
		out.Body.Reason, out.Body.Party, out.Body.Fix = refusal.Reason, refusal.Reason.Party(), refusal.Reason.Fix()
		out.Body.Want, out.Body.Got = refusal.Want, refusal.Got
	}
	for i, s := range steps {
		s.Number, s.At = i+1, c.now()
		out.Body.Steps = append(out.Body.Steps, LoginStep(s))
	}
	return out, c.scope.NoteRunAgain(c.ctx, c.actor(), in.Login, verdict)
}
