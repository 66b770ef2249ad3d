package handlers

import (
	"net/url"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// paged cuts a list, of which one more was read than is shown, and says where it goes on: link leads "before" or "after" a row.
func paged[T any](found []T, shown int, after, before string, link func(direction string, row T) string) ([]T, ui.Pager) {
	upwards, further := before != "" && after == "", len(found) > shown
	if further && upwards {
		found = found[1:]
	} else if further {
		found = found[:shown]
	}
	var pager ui.Pager
	if len(found) > 0 && (after != "" || upwards && further) {
		pager.Previous = link("before", found[0])
	}
	if len(found) > 0 && (upwards || further) {
		pager.Next = link("after", found[len(found)-1])
	}
	return found, pager
}

// goToBeginning leads whoever went on where nothing follows, for what was there is gone meanwhile, to the beginning of the list.
func (v *visit) goToBeginning(path string) error {
	if search := v.query("q"); search != "" {
		path += "?" + url.Values{"q": {search}}.Encode()
	}
	return v.goTo(path, "")
}

// goOnFrom is where a list goes on, its search with it.
func (v *visit) goOnFrom(path, direction, id string) string {
	query := url.Values{direction: {id}}
	if search := v.query("q"); search != "" {
		query.Set("q", search)
	}
	return path + "?" + query.Encode()
}
