package handlers

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func TestCreateProject(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	manager, member := acme.member("manager@acme.test", access.OrgManager), acme.member("ada@acme.test", access.OrgMember)
	path := "/organizations/" + acme.Organization.ID + "/projects"

	acme.owner.get(path).want(http.StatusOK, "There is no project yet.")
	member.get(path).want(http.StatusOK, "You have no role in any project.").lacks("/new")
	member.get(path+"/new").want(http.StatusForbidden, string(access.CreateProjects))
	member.post(path, "name", "Search", "kind", "serverless").want(http.StatusForbidden)
	wrong := manager.post(path, "name", " ", "kind", "cluster").want(http.StatusUnprocessableEntity, "Enter a name.", "Choose the kind of project.")
	if !strings.Contains(wrong.Body, "data-focus") {
		t.Error("the summary of what is wrong does not take the focus")
	}
	made := manager.post(path, "name", "Vectors <1>", "kind", "pod").want(http.StatusOK, "The project is created.", "Vectors <1>", "Project owner", "Pod")
	manager.post(path, "name", "Vectors <1>", "kind", "pod").want(http.StatusUnprocessableEntity, "Another project of this organization has this name.")
	acme.owner.get(made.path()).want(http.StatusOK, "Organization owner")
	member.get(made.path()).want(http.StatusNotFound)
	member.get(path).lacks("Vectors")

	p.ok(p.store.Close())
	manager.post(path, "name", "Another", "kind", "pod").want(http.StatusInternalServerError)
}

// project makes one of the organization's owner.
func (o *organization) project(name string) (store.Project, string) {
	o.Helper()
	made, err := o.scope.CreateProject(o.Context(), o.owner.actor(), name, access.Serverless, o.owner.User.ID)
	o.ok(err)
	return made, "/organizations/" + o.Organization.ID + "/projects/" + made.ID
}

func TestProjectSettings(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	search, path := acme.project("Search")
	member := acme.member("ada@acme.test", access.OrgMember)
	p.ok(acme.scope.SetProjectRoles(t.Context(), operator, search.ID, member.member().ID, []access.Role{access.ProjectMember}))

	member.get(path).want(http.StatusOK, "Project member", "See members")
	member.get(path+"/settings").want(http.StatusOK, "Owners of the project change its settings.").lacks("Save name")
	member.post(path+"/settings", "name", "Mine", "version", "1").want(http.StatusForbidden, string(access.ManageProject))
	globex.owner.get(path).want(http.StatusNotFound)
	globex.owner.get(strings.Replace(path, acme.Organization.ID, globex.Organization.ID, 1)).want(http.StatusNotFound)
	globex.owner.post(path+"/settings", "name", "Mine", "version", "1").want(http.StatusNotFound)

	version := acme.owner.get(path + "/settings").value("version")
	acme.owner.post(path+"/settings", "name", "Find", "version", version).want(http.StatusOK, "The name is saved.", "Find")
	acme.owner.post(path+"/settings", "name", "Late", "version", version).want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.post(path+"/settings", "name", "", "version", "2").want(http.StatusUnprocessableEntity, "Enter a name.")
}

func TestDeleteProject(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	search, path := acme.project("Search")
	key, _ := acme.mint(path+"/api-keys", "ci")
	member := acme.member("ada@acme.test", access.OrgMember)
	p.ok(acme.scope.SetProjectRoles(t.Context(), operator, search.ID, member.member().ID, []access.Role{access.ProjectManager}))

	acme.owner.get(path+"/settings").want(http.StatusOK, "1 live API key stop")
	asked := acme.owner.get(path+"/delete").want(http.StatusOK, "1 live API key", "2 members with a role")
	version := asked.value("version")
	member.get(path+"/delete").want(http.StatusForbidden, string(access.ManageProject))
	member.post(path+"/delete", "version", version, "confirm", "Search").want(http.StatusForbidden)
	globex.owner.post(path+"/delete", "version", version, "confirm", "Search").want(http.StatusNotFound)
	acme.owner.post(path+"/delete", "version", version, "confirm", "search").want(http.StatusUnprocessableEntity, "Type the project")
	acme.owner.post(path+"/delete", "version", "7", "confirm", "Search").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.post(path+"/delete", "version", version, "confirm", "Search").want(http.StatusOK, "The project “Search” is deleted.", "There is no project yet.")
	acme.owner.get(key).want(http.StatusNotFound)
	if n := p.count("api_keys") + p.count("role_bindings WHERE scope_id = ?", search.ID); n != 0 {
		t.Errorf("%d rows of the project are left", n)
	}
}

func TestCreateProjectWithAFirstKey(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	projects := "/organizations/" + acme.Organization.ID + "/projects"
	form := acme.owner.get(projects+"/new").want(http.StatusOK, "Make a first API key")
	fields := []string{"once", form.value("once"), "name", "Search", "kind", "pod", "key", "on"}
	made := acme.owner.post(projects, fields...).want(http.StatusCreated, "Project and API key created", "21 Feb 2027", "default")
	text := keyText.FindString(made.Body)
	if p.hide(text); !p.opens(text) || keyText.FindString(acme.owner.post(projects, fields...).want(http.StatusCreated).Body) != text {
		t.Error("the key does not work, or the form that came twice does not show it again")
	}
	acme.owner.post(projects, "name", "Other", "kind", "pod").want(http.StatusOK, "The project is created.")
	if n, keys := p.count("projects"), p.count("api_keys"); n != 2 || keys != 1 {
		t.Errorf("there are %d projects and %d keys", n, keys)
	}
	p.pass(access.FreshFor + time.Minute)
	acme.owner.post(projects, "name", "Third", "kind", "pod", "key", "on").want(http.StatusUnauthorized, "Sign in again")
	acme.owner.post(projects, "name", "Third", "kind", "pod").want(http.StatusOK, "The project is created.")
}

func TestProjectMembers(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	_, path := acme.project("Search")
	ada := acme.member("ada@acme.test", access.OrgMember)
	members := path + "/members"

	for _, stranger := range []string{"owner@globex.test", "nobody@acme.test", "not an address", ""} {
		acme.owner.post(members, "email", stranger, "roles", "ProjectViewer").want(http.StatusUnprocessableEntity, "No member of this organization has this address.")
	}
	acme.owner.post(members, "email", "ada@acme.test").want(http.StatusUnprocessableEntity, "Choose at least one role.")
	acme.owner.post(members, "email", "ada@acme.test", "roles", "OrgOwner").want(http.StatusUnprocessableEntity)
	ada.get(path).want(http.StatusNotFound)
	acme.owner.post(members, "email", "ADA@acme.test", "roles", "ProjectManager").want(http.StatusOK, "is a member of this project.", "Project manager")
	ada.get(members).want(http.StatusOK, "Project manager").lacks("Add a member", "Change roles")
	ada.post(members, "email", "ada@acme.test", "roles", "ProjectOwner").want(http.StatusForbidden, string(access.ManageProjectMembers))

	one := members + "/" + ada.member().ID
	ada.post(one, "roles", "ProjectOwner").want(http.StatusForbidden)
	globex.owner.post(one, "roles", "ProjectOwner").want(http.StatusNotFound)
	acme.owner.get(members + "/" + globex.owner.member().ID).want(http.StatusNotFound)
	acme.owner.post(members+"/"+globex.owner.member().ID, "roles", "ProjectOwner").want(http.StatusNotFound)
	acme.owner.get(one).want(http.StatusOK, "Project manager")
	acme.owner.post(one, "had", "ProjectManager", "roles", "ControlPlaneViewer", "roles", "DataPlaneViewer").want(http.StatusOK, "The roles are saved.", "Control plane viewer, Data plane viewer")
	ada.get(members).want(http.StatusForbidden, string(access.ReadProjectMembers))
	acme.owner.post(one, "had", "ControlPlaneViewer DataPlaneViewer").want(http.StatusOK, "The roles are saved.")
	ada.get(path).want(http.StatusNotFound)
}

// A form that was open while somebody else changed the roles saves nothing, and shows what is so now.
func TestProjectRoles_OfTwoFormsTheSecondSaysSo(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	search, path := acme.project("Search")
	ada := acme.member("ada@acme.test", access.OrgMember)
	acme.owner.post(path+"/members", "email", "ada@acme.test", "roles", "ProjectOwner").want(http.StatusOK, "is a member of this project")
	acme.owner.post(path+"/members", "email", "ada@acme.test", "roles", "ProjectViewer").want(http.StatusOK) // adds
	form := path + "/members/" + ada.member().ID
	had := acme.owner.get(form).value("had")
	acme.owner.post(form, "had", had, "roles", "ProjectViewer").want(http.StatusOK, "The roles are saved.")
	acme.owner.post(form, "had", had, "roles", "ProjectOwner", "roles", "DataPlaneViewer").want(http.StatusUnprocessableEntity, "Somebody else changed these roles in the meantime.")
	if got := ada.member().ProjectRoles[search.ID]; !slices.Equal(got, []access.Role{access.ProjectViewer}) {
		t.Errorf("roles %v", got)
	}
	acme.owner.post(form, "had", acme.owner.get(form).value("had")).want(http.StatusOK, "The roles are saved.")
	if got := ada.member().ProjectRoles[search.ID]; len(got) != 0 {
		t.Errorf("roles %v", got)
	}
}

// D-16: a form whose last byte comes after its sender lost the right to send it changes nothing.
func TestD16_AFormIsJudgedWhenAllOfItHasCome(t *testing.T) {
	for name, meanwhile := range map[string]func(o *organization, m store.Member) error{
		"suspended": func(o *organization, m store.Member) error {
			return o.scope.SuspendMember(o.Context(), operator, m.ID, m.Version)
		},
		"no owner any more": func(o *organization, m store.Member) error {
			return o.scope.SetMemberRoles(o.Context(), operator, m.ID, m.Version, []access.Role{access.OrgMember})
		},
		"nothing": func(*organization, store.Member) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			acme := newProduct(t).found("acme")
			second := acme.member("second@acme.test", access.OrgOwner)
			body := io.MultiReader(readerFunc(func() { acme.ok(meanwhile(acme, second.member())) }), strings.NewReader("name=Search&kind=pod"))
			r := httptest.NewRequest(http.MethodPost, publicURL+"/organizations/"+acme.ID+"/projects", body)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			got := second.exchange(r)
			if made := acme.count("projects"); made != map[bool]int{true: 1}[name == "nothing"] || (got.Status == http.StatusSeeOther) != (name == "nothing") {
				t.Errorf("%d, %d projects", got.Status, made)
			}
		})
	}
}

// readerFunc is a reader without a byte that something happens in.
type readerFunc func()

func (f readerFunc) Read([]byte) (int, error) { f(); return 0, io.EOF }

func TestProjectsAreSearchedAndPaged(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	path := "/organizations/" + acme.Organization.ID + "/projects"
	member := acme.member("ada@acme.test", access.OrgMember)
	var ids []string
	for i := range 2*projectsShown + 5 {
		made, _ := acme.project(fmt.Sprintf("Project %03d", i))
		ids = append(ids, made.ID)
	}
	p.ok(acme.scope.SetProjectRoles(t.Context(), operator, ids[7], member.member().ID, []access.Role{access.ProjectViewer}))

	acme.owner.get(path).want(http.StatusOK, "Project 000", "Project 049", "after="+ids[49]).lacks("Project 050").lacks("before=")
	acme.owner.get(path+"?after="+ids[49]).want(http.StatusOK, "Project 050", "Project 099", "before="+ids[50], "after="+ids[99]).lacks("Project 049").lacks("Project 100")
	acme.owner.get(path+"?after="+ids[99]).want(http.StatusOK, "Project 100", "Project 104", "before="+ids[100]).lacks("Project 099").lacks("after=")
	acme.owner.get(path+"?before="+ids[50]).want(http.StatusOK, "Project 000", "Project 049", "after="+ids[49]).lacks("Project 050").lacks("before=")

	acme.owner.get(path+"?q=T+04").want(http.StatusOK, "Project 040", "Project 049", "Clear search").lacks("Project 050").lacks("after=")
	acme.owner.get(path+"?q=project").want(http.StatusOK, "q=project")
	acme.owner.get(path+"?q=%3Cb%3E").want(http.StatusOK, "No project of yours has “<b>” in its name.", "Show all projects")
	// Of the projects of others nothing is found, nor that they exist.
	member.get(path).want(http.StatusOK, "Project 007").lacks("Project 008")
	member.get(path+"?q=project").want(http.StatusOK, "Project 007", "Project viewer").lacks("Project 008")
	member.get(path+"?q=008").want(http.StatusOK, "No project of yours has “008” in its name.")

	// Where nothing follows any longer, the list begins anew instead of saying that there is nothing.
	acme.owner.get(path+"?after="+ids[104]).want(http.StatusOK, "Project 000")
	acme.owner.get(path+"?before=prj_gone&q=T+04").want(http.StatusOK, "Project 040").lacks("Project 050")
	acme.owner.get(strings.TrimSuffix(path, "projects")+"members?before=mem_zz").want(http.StatusOK, "ada@acme.test")
	acme.owner.get(path+"/"+ids[7]+"/members?after=usr_0").want(http.StatusOK, "ada@acme.test", "owner@acme.test")

}

// However many projects there are, a form can offer each, and says so without scripts.
func TestFormsOfferProjects(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	few := p.found("few")
	var last string
	for i := range 105 {
		made, _ := acme.project(fmt.Sprintf("Project %03d", i))
		last = made.ID
	}
	few.project("Project 104")
	robot, _, err := few.scope.CreateServiceAccount(t.Context(), operator, "robot", []access.Role{access.OrgMember})
	p.ok(err)
	robots, _, err := acme.scope.CreateServiceAccount(t.Context(), operator, "robot", []access.Role{access.OrgMember})
	p.ok(err)
	for _, form := range []struct{ path, few string }{
		{"/invites/new", "/invites/new"}, {"/sign-in", "/sign-in"}, {"/sign-in/roles", "/sign-in/roles"},
		{"/service-accounts/" + robots.ID, "/service-accounts/" + robot.ID},
	} {
		many := "/organizations/" + acme.ID + form.path
		acme.owner.get(many).want(http.StatusOK, "The first 100 projects by name are offered below.", "Project 099").lacks("Project 100")
		acme.owner.get(many+"?projects=T+104").want(http.StatusOK, "The projects with “T 104” in their names are offered below.", last).lacks("Project 000")
		acme.owner.get(many+"?projects=ject").want(http.StatusOK, "The first 100 projects with “ject” in their names").lacks("Project 100")
		acme.owner.get(many+"?projects=zebra").want(http.StatusOK, "No project has “zebra” in its name.", "Offer the first again").lacks("There is no project yet")
		few.owner.get("/organizations/"+few.ID+form.few).want(http.StatusOK, "Project 104").lacks("Find projects")
	}
	// What is chosen already is offered as well, wherever it stands.
	acme.owner.get("/organizations/"+acme.ID+"/service-accounts/"+robots.ID+"?project="+last).want(http.StatusOK, "Project 104", "Project 099").lacks("Project 100")
}

func TestCountsThatStopSaySo(t *testing.T) {
	for count, want := range map[int64]string{0: "0 members", 1: "1 member", 999: "999 members", store.MostCounted: "1,000 members", store.MostCounted + 1: "1,000+ members"} {
		if got := countedUpTo(count, store.MostCounted, "member"); got != want {
			t.Errorf("%d: %q, want %q", count, got, want)
		}
	}
	for _, c := range []struct {
		all      bool
		sessions int
		want     string
	}{{true, 1, "1 session"}, {true, store.MostCounted + 1, "1,000+ sessions"}, {false, 7, "At least 7 sessions"}, {false, store.MostCounted + 1, "1,000+ sessions"}} {
		if got := sessionsBarred(store.EnforcementPreview{AllSessions: c.all, Sessions: c.sessions}); got != c.want {
			t.Errorf("%d, all: %t: %q, want %q", c.sessions, c.all, got, c.want)
		}
	}
}
