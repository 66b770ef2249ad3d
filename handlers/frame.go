package handlers

import (
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
	"github.com/gatehouse-sso/gatehouse/web"
)

// frame is what every page stands in.
type frame struct {
	brand  views.Brand
	assets *web.Assets
}

// card is the frame of the quiet pages outside the console.
func (f frame) card(title string) views.Page {
	return views.Page{Title: title, Brand: f.brand, AssetURL: f.assets.URL}
}

// page is the console's frame as this visitor sees it: their organizations, and the lines of the sidebar that they may open.
func (v *visit) page(title string) views.Page {
	page := v.card(title)
	if v.signedIn() {
		page.Person = v.user.Name
		page.Limited = v.recovering()
	}
	if notice := v.Cookies.TakeNotice(v.w, v.r); notice != "" {
		page.Flash = &views.Flash{Kind: ui.Working, Text: notice}
	}
	page.SetupLink = v.setup.Link.Name
	if v.scope != nil && v.setup.ID == "" {
		page.Nav = v.nav()
	}
	return page
}

// sidebar is every line of it, with the permission that its page asks for.
var sidebar = []struct {
	text, path string
	permission access.Permission
}{
	{"Projects", "projects", access.ViewOrganization},
	{"Members", "members", access.ViewOrganization},
	{"Service accounts", "service-accounts", access.ManageServiceAccounts},
	{"Connections", "connections", access.ManageSSO},
	{"Domains", "domains", access.ManageSSO},
	{"Sign-in", "sign-in", access.ManageSSO},
	{"Logins", "logins", access.ManageSSO},
	{"Events", "events", access.ReadAudit},
	{"Permissions", "catalogue", access.ViewOrganization},
	{"Usage", "usage", access.ViewBilling},
	{"Webhooks", "webhooks", access.ManageOrganization},
	{"Settings", "settings", access.ManageOrganization},
}

// recoveryPages are the pages that a recovery session may open.
var recoveryPages = map[string]bool{"connections": true, "domains": true, "sign-in": true}

func (v *visit) nav() ui.Nav {
	nav := ui.Nav{Organization: v.organization.Name}
	for _, o := range v.memberships {
		nav.Organizations = append(nav.Organizations, ui.Link{
			Text: o.Organization.Name, Href: "/organizations/" + o.Organization.ID, Current: o.Organization.ID == v.organization.ID,
		})
	}
	for _, line := range sidebar {
		if !v.may.Has(line.permission) || v.recovering() && !recoveryPages[line.path] {
			continue
		}
		href := v.path(line.path)
		nav.Items = append(nav.Items, ui.NavItem{
			Link: ui.Link{Text: line.text, Href: href, Current: v.r.URL.Path == href || strings.HasPrefix(v.r.URL.Path, href+"/")},
			Icon: line.path,
		})
	}
	return nav
}

// trail is the way back up from a page within the organization, which itself comes last.
func (v *visit) trail(page views.Page, up ...ui.Link) views.Page {
	page.Breadcrumb = append(up, ui.Link{Text: page.Title})
	return page
}
