package views

import "net/http"

func resumeStories() []Story {
	page := ResumePage{
		Page: storyPage("You were signed out"), Action: "/organizations/" + storyOrganization + "/projects",
		SignIn: "/login",
		Fields: []ResumeField{{"name", "Search"}, {"kind", "serverless"}},
	}
	stale := page
	stale.Page, stale.Stale, stale.Files = storyPage("Sign in again"), true, []string{"metadata_file"}
	outlived := page
	outlived.Page, outlived.For = storyPage("Sign in again"), "Acme Corporation"
	return []Story{
		{"resume/outlived", "A form by a sign-in that its organization takes for over", Resume(outlived), http.StatusUnauthorized},
		{"resume/form", "A form that came after the session had ended", Resume(page), http.StatusUnauthorized},
		{"resume/stale", "A form, with a file, by a sign-in too old for it", Resume(stale), http.StatusUnauthorized},
	}
}
