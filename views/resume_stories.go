package views

import "net/http"

func resumeStories() []Story {
	page := ResumePage{
		Page: storyPage("You were signed out"), Action: "/organizations/" + storyOrganization + "/projects",
		Fields: []ResumeField{{"name", "Search"}, {"kind", "serverless"}},
	}
	return []Story{{"resume/form", "A form that came after the session had ended", Resume(page), http.StatusUnauthorized}}
}
