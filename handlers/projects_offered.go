package handlers

import (
	"slices"
	"strconv"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
)

// projectsOffered is how many projects a form offers to choose from.
const projectsOffered = 100

// offeredProjects are those that a form offers, by name: the first, or those that the address asks for (projects), and the ones that are chosen
// already. Where there are more, the page at path says so and lets its reader ask.
func (v *visit) offeredProjects(path string, chosen ...string) ([]store.Project, views.ProjectsOffered, error) {
	offered := views.ProjectsOffered{Action: path, Search: v.query("projects")}
	all, err := v.scope.ProjectsByName(v.ctx(), store.ProjectFilter{Search: offered.Search, Limit: projectsOffered + 1})
	if err != nil {
		return nil, offered, err
	}
	offered.Words = offeredWords(offered.Search, len(all))
	all = all[:min(len(all), projectsOffered)]
	chosen = slices.DeleteFunc(chosen, func(id string) bool {
		return id == "" || slices.ContainsFunc(all, func(p store.Project) bool { return p.ID == id })
	})
	more, err := v.scope.ProjectsByID(v.ctx(), chosen)
	return append(all, more...), offered, err
}

// offeredWords say what is offered of the projects that were found, of which one more was read than is offered; "" for all that there are.
func offeredWords(search string, found int) string {
	first := "The first " + strconv.Itoa(projectsOffered) + " projects "
	switch {
	case search == "" && found <= projectsOffered:
		return ""
	case search == "":
		return first + "by name are offered below. Find others here before you fill in the form."
	case found == 0:
		return "No project has “" + search + "” in its name."
	case found > projectsOffered:
		return first + "with “" + search + "” in their names are offered below."
	}
	return "The projects with “" + search + "” in their names are offered below."
}

// chosenProjects are the ids in the lines.
func chosenProjects(lines []store.ProjectRole) []string {
	var ids []string
	for _, line := range lines {
		ids = append(ids, line.ProjectID)
	}
	return ids
}
