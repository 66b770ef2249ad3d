package views

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
)

func errorStories() []Story {
	var stories []Story
	for _, status := range slices.Sorted(maps.Keys(errorsWords)) {
		page := ErrorPage{Page: storyPage(""), Status: status}
		switch status {
		case http.StatusTooManyRequests:
			page.RetryAfter = "30 seconds"
		case http.StatusInternalServerError, http.StatusServiceUnavailable:
			page.RequestID = "req_01jd9kf7qz8y2v4q6w8r0t2b4t"
		}
		stories = append(stories, Story{fmt.Sprintf("errors/%d", status), fmt.Sprintf("Error %d", status), Error(page), status})
	}
	forbidden := ErrorPage{Page: storyConsole("", "Members"), Status: http.StatusForbidden, Permission: "members:manage"}
	missing := ErrorPage{Page: storyConsole("", ""), Status: http.StatusNotFound}
	return append(stories,
		Story{"errors/403-console", "Error 403 in the console, naming the permission", Error(forbidden), http.StatusForbidden},
		Story{"errors/404-console", "Error 404 in the console", Error(missing), http.StatusNotFound},
	)
}
