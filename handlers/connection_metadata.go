package handlers

import (
	"net/url"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
	"github.com/gatehouse-sso/gatehouse/web"
)

// metadataFields are the fields of which one gives metadata.
var metadataFields = []string{"metadata_url", "metadata_file", "metadata_xml"}

// metadataSource keeps what was typed, with the identity providers to choose from where importMetadata found several.
func (v *visit) metadataSource(problem *ui.Problem) views.MetadataSource {
	source := views.MetadataSource{URL: v.form().Text("metadata_url"), XML: v.form().Text("metadata_xml"), Signer: v.form().Text("metadata_signer"), Problem: problem}
	for _, id := range v.entities {
		source.Entities = append(source.Entities, ui.Option{Value: id, Label: id, Chosen: id == v.form().Text("metadata_entity")})
	}
	return source
}

// metadataGiven reports whether the form carries metadata in one of its fields.
func (v *visit) metadataGiven() bool {
	return len(v.form().File("metadata_file")) > 0 || v.form().Checked("metadata_url") || v.form().Checked("metadata_xml")
}

// importMetadata reads what the form gives into the settings and returns the warnings as one text.
func (v *visit) importMetadata(settings *store.SAMLSettings) (warnings string, problem *ui.Problem) {
	field, raw, problem := v.metadata()
	if problem != nil {
		return "", problem
	}
	from := ""
	if field == "metadata_url" {
		from = v.form().Text(field)
	}
	warned, err := connections.Import(settings, field, connections.Metadata{Raw: raw, From: from, EntityID: v.form().Text("metadata_entity"), Signer: v.form().Text("metadata_signer")}, v.now(), v.Outbound.CheckURL)
	v.entities = connections.Choices(err)
	return inBrief(warned), problemOf(err)
}

// metadata is the one document that the form gives, and the field that gave it.
func (v *visit) metadata() (field string, raw []byte, problem *ui.Problem) {
	form := v.form()
	given := map[string]bool{"metadata_url": form.Checked("metadata_url"), "metadata_file": len(form.File("metadata_file")) > 0, "metadata_xml": form.Checked("metadata_xml")}
	for _, name := range metadataFields {
		switch {
		case !given[name]:
		case field != "":
			return "", nil, fieldProblem(name, "Give the metadata in one way: as an address, a file or text.")
		default:
			field = name
		}
	}
	switch field {
	case "metadata_file":
		return field, form.File(field), nil
	case "metadata_xml":
		return field, []byte(form.Text(field)), nil
	case "metadata_url":
		raw, sentence := v.fetch(form.Text(field))
		if sentence != "" {
			return field, nil, fieldProblem(field, sentence)
		}
		return field, raw, nil
	}
	return "", nil, fieldProblem("metadata_url", "Give the metadata's address, its file or its text.")
}

// fetch reads the document at an address through the outbound guard, or says in a sentence why not.
func (v *visit) fetch(address string) ([]byte, string) {
	if !v.lookups.Allow(v.organization.ID) {
		return nil, "That is many addresses in a short time. Wait a minute, then try again."
	}
	raw, refusal, cause := connections.Fetch(v.ctx(), v.Outbound, address)
	if cause != nil {
		v.Log.WarnContext(v.ctx(), "metadata not fetched", "request", web.RequestInfo(v.r).ID, "host", hostOf(address), "error", cause)
	}
	return raw, refusal
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// inBrief is the first of several warnings and how many more there are: a notice has little room.
func inBrief(warnings []string) string {
	switch len(warnings) {
	case 0:
		return ""
	case 1:
		return warnings[0]
	}
	return warnings[0] + " (" + counted(int64(len(warnings)-1), "more warning") + ".)"
}
