package access

import (
	"fmt"
	"regexp"
	"strings"
)

// segmentKind is what a segment of a pattern matches, the narrowest first.
type segmentKind int

const (
	literalSegment segmentKind = iota
	nameSegment                // {name}: one segment
	restSegment                // {name...}: one or more, to the end
)

var wildcard = regexp.MustCompile(`^\{[a-z][a-z0-9_]{0,31}(\.\.\.)?\}$`)

func kindOf(segment string) segmentKind {
	switch {
	case strings.HasSuffix(segment, "...}"):
		return restSegment
	case strings.HasPrefix(segment, "{"):
		return nameSegment
	}
	return literalSegment
}

// pathProblem says what is wrong with a pattern, or nothing.
func pathProblem(path string) string {
	if path == "/" {
		return ""
	}
	if !strings.HasPrefix(path, "/") {
		return "does not begin with a slash"
	}
	segments := strings.Split(path[1:], "/")
	if len(segments) > mostSegments {
		return fmt.Sprintf("has more than %d segments", mostSegments)
	}
	names := map[string]bool{}
	for i, segment := range segments {
		switch {
		case segment == "":
			return "has an empty segment: such a path matches nothing"
		case wildcard.MatchString(segment):
			name := strings.Trim(segment, "{.}")
			if names[name] {
				return "has {" + name + "} twice"
			}
			if names[name] = true; kindOf(segment) == restSegment && i < len(segments)-1 {
				return "goes on after " + segment
			}
		case strings.ContainsAny(segment, "{}"):
			return "has braces that are not a whole segment {name} or, at the end, {name...}"
		case strings.Contains(segment, "%") || !plain("/"+segment):
			return fmt.Sprintf("has the segment %.70q, which no plain path has", segment)
		}
	}
	return ""
}

// relation is how the paths that two patterns match relate.
type relation int

const (
	apart    relation = iota // none matches both
	nested                   // all that match one match the other
	same                     // both match the same
	crossing                 // some match both, some only the one, some only the other
)

func compare(a, b []string) relation {
	narrower, wider := false, false // a than b, somewhere
	for i := 0; i < len(a) || i < len(b); i++ {
		if i == len(a) || i == len(b) {
			return apart // of different length, without a rest so far
		}
		switch ka, kb := kindOf(a[i]), kindOf(b[i]); {
		case ka == literalSegment && kb == literalSegment && a[i] != b[i]:
			return apart
		case ka < kb:
			narrower = true
		case ka > kb:
			wider = true
		}
		if kindOf(a[i]) == restSegment || kindOf(b[i]) == restSegment {
			// What follows in the other, if anything, is narrower than a rest.
			break
		}
	}
	switch {
	case narrower && wider:
		return crossing
	case narrower || wider:
		return nested
	}
	return same
}
