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
	return []Story{
		{"resume/form", "A form that came after the session had ended", Resume(page), http.StatusUnauthorized},
		{"resume/stale", "A form, with a file, by a sign-in too old for it", Resume(stale), http.StatusUnauthorized},
	}
}
